/** The matrix: a line a combination. */
import type { Combination } from './combination.js';
import { prisma } from './projects/prisma.js';
import { postgresql } from './systems/postgresql.js';

export const COMBINATIONS: readonly Combination[] = [
  { project: prisma, system: postgresql },
];
