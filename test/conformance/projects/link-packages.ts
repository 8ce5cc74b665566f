import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A project without packages of its own takes ours. */
export async function linkPackages(root: string): Promise<void> {
  await rm(join(root, 'node_modules'), { force: true, recursive: true });
  await symlink(fileURLToPath(new URL('../../../node_modules', import.meta.url)), join(root, 'node_modules'));
}
