/** The files of a project that tell which tool it migrates with, found without running any of it. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';

const DEPTH = 5;
/** Of a project with more folders than these nobody knows which of its parts is meant. */
const MOST_FOLDERS = 2_000;
const LARGEST = 1024 * 1024;

const SKIPPED = /^(node_modules|dist|build|out|coverage|vendor|target|tmp)$|^\.(?!config$)/;
const TELLING = /^(package\.json|migration_lock\.toml|\.sequelizerc|\.env(\..+)?|(prisma\.config|prisma|knexfile|ormconfig|data-source|datasource|config)\.[cm]?(js|ts|json)|.+\.prisma)$/i;

export interface ProjectFile {
  /** Relative to the project, with forward slashes. */
  path: string;
  text: string;
}

/** Nearest first: a file of the project itself before one of a package inside it. */
export async function tellingFiles(directory: string): Promise<ProjectFile[]> {
  const files: ProjectFile[] = [];
  let folders = [directory];
  for (let depth = 0, seen = 0; depth < DEPTH && folders.length > 0 && seen < MOST_FOLDERS; depth++) {
    const below: string[] = [];
    for (const folder of folders.slice(0, MOST_FOLDERS)) {
      seen++;
      for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
        const path = join(folder, entry.name);
        if (entry.isDirectory() && !SKIPPED.test(entry.name)) below.push(path);
        else if (entry.isFile() && TELLING.test(entry.name)) files.push({ path: relative(directory, path), text: await textOf(path) });
      }
    }
    folders = below.sort();
  }
  return files;
}

/** What is too large or cannot be read tells nothing. */
async function textOf(path: string): Promise<string> {
  const { size } = await stat(path);
  return size > LARGEST ? '' : readFile(path, 'utf8').catch(() => '');
}
