/** The machine that a file is on. A path is the same on many; a container that gets another name each time is told by FABER_DB_HOST. */
import { hostname } from 'node:os';

export const thisHost = (variables: NodeJS.ProcessEnv = process.env): string => (variables['FABER_DB_HOST']?.trim() || hostname() || 'localhost').replaceAll('/', '_');
