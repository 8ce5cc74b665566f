/** Where a Prisma project says how it is seeded: `migrations.seed` of prisma.config, `prisma.seed` of package.json (before Prisma 7). */
import { FaberError } from '../../../contract/failure.js';
import type { Settings } from '../../../contract/settings.js';
import type { SeedCommand } from '../../seed/contract.js';
import { readConfigText } from './location.js';
import { readJson } from './version.js';
import { join, relative } from 'node:path';

const SEED = /\bmigrations['"]?\s*:\s*\{[\s\S]*?\bseed['"]?\s*:\s*(.*)/;
const TEXT = /^(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`([^`$\\]*)`)/;

/** @throws FaberError plan_failed when prisma.config computes it: nothing of the project is executed to find out */
export async function seedCommand({ working_directory: root }: Settings): Promise<SeedCommand | null> {
  const config = await readConfigText(root);
  const property = config === null ? undefined : SEED.exec(config.code)?.[1];
  if (config !== null && property !== undefined) {
    const [, single, double, backticks] = TEXT.exec(property) ?? [];
    const command = single ?? double ?? backticks;
    if (command !== undefined) return { command: command.replace(/\\(.)/g, '$1'), source: relative(root, config.file) };
    throw new FaberError({
      code: 'plan_failed',
      message: `${relative(root, config.file)} computes migrations.seed, and faber-db does not run it. Nothing was changed.`,
      suggestions: ['Write the command into seed.command of the faber-db config.'],
    });
  }
  const prisma = (await readJson(join(root, 'package.json')))?.prisma as { seed?: unknown } | undefined;
  return typeof prisma?.seed === 'string' ? { command: prisma.seed, source: 'package.json' } : null;
}
