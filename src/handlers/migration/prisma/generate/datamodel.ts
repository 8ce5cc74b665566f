/** The project's datamodel as the engine reads it: one file, or a folder of files. */
import { readdir, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { FaberError } from '../../../../contract/failure.js';
import type { Settings } from '../../../../contract/settings.js';
import type { SchemaFile } from '../engine/messages.js';
import { allowedFolders, readInside } from '../inside.js';

/** What `provider` of the datasource may be, and how the system is called. */
export interface WantedProvider { names: readonly string[]; system: string }

/** Bytes of all files together. The largest datamodels known have a few hundred kilobytes. */
const MAX_SIZE = 16 * 1024 * 1024;

/**
 * @param place a file, or a folder whose `.prisma` files, also in folders below, are one datamodel
 * @param major of the project's Prisma. Up to 6 the files hold URLs, which the engine of 7 refuses and does not need
 * @throws FaberError plan_failed: no file, one that leads out of the project, another provider.
 */
export async function readDatamodel(settings: Settings, place: string, major: number, provider: WantedProvider): Promise<SchemaFile[]> {
  const folder = (await stat(place)).isDirectory();
  const paths = folder ? await prismaFiles(place) : [place];
  const inside = await allowedFolders(settings.working_directory, folder ? place : dirname(place));
  const files: SchemaFile[] = [];
  let size = 0;
  for (const path of paths) {
    const shown = relative(settings.working_directory, path);
    const bytes = await readInside(path, shown, inside);
    size += bytes?.length ?? 0;
    if (size > MAX_SIZE) throw refused('The Prisma schema is larger than 16 MiB.');
    const text = Buffer.from(bytes ?? []).toString('utf8').replace(/^\uFEFF/, '');
    files.push({ path: shown, content: major < 7 ? withoutUrls(text) : text });
  }
  if (files.length === 0) throw refused(`${relative(settings.working_directory, place)} holds no .prisma file.`);
  requireProvider(files, provider);
  return files;
}

async function prismaFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory() && entry.name.endsWith('.prisma')).map((entry) => join(entry.parentPath, entry.name)).sort();
}

const DATASOURCE = /^[ \t]*datasource\s+\w+\s*\{[^}]*\}/gm;

/** Lines stay where they are, so that the engine's messages name the right ones. */
function withoutUrls(text: string): string {
  return text
    .replace(DATASOURCE, (block) => block.replace(/^[ \t]*(url|directUrl|shadowDatabaseUrl)\s*=.*$/gm, ''))
    // The one preview feature of 5 and 6 that 7 does not know any more.
    .replace(/("metrics"\s*,\s*)|(,\s*"metrics")|("metrics")/g, '');
}

/** The engine itself would stop at another provider with words about its own inside. */
function requireProvider(files: readonly SchemaFile[], { names, system }: WantedProvider): void {
  const blocks = files.flatMap(({ content }) => content.match(DATASOURCE) ?? []);
  const provider = /^\s*provider\s*=\s*"([^"]*)"/m.exec(blocks.join('\n'))?.[1];
  if (blocks.length === 0) throw refused('The Prisma schema has no datasource.', [`Add one: datasource db { provider = "${names[0]}" }, on lines of their own`]);
  if (provider === undefined || names.includes(provider)) return;
  throw refused(`The Prisma schema is written for ${provider}, the environment is ${system}.`);
}

function refused(message: string, suggestions: string[] = []): FaberError {
  return new FaberError({ code: 'plan_failed', message: `${message} Nothing was written.`, suggestions });
}
