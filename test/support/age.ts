/** Keys of age, and the program `age` for commands that people run. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateX25519Identity } from 'age-encryption';
import { onPath } from '../../src/dev/executables.js';
import { tempDir } from './temp.js';

/** A key as `age-keygen` prints it. */
export function newKey(): Promise<string> {
  return generateX25519Identity();
}

/** A folder for PATH in which `age` is: nothing where it is installed, else one made of the library, which shares no code of ours. */
export async function ageFolder(): Promise<string[]> {
  if (onPath('age')) return [];
  const folder = await tempDir();
  const library = fileURLToPath(import.meta.resolve('age-encryption'));
  await writeFile(join(folder, 'age'), `#!${process.execPath}
const { readFileSync } = require('node:fs');
const [decrypt, identity, stdin, file] = process.argv.slice(2);
if (decrypt !== '--decrypt' || identity !== '--identity' || stdin !== '-') throw new Error('other arguments than expected');
import(${JSON.stringify(library)}).then(async ({ Decrypter }) => {
  const opener = new Decrypter();
  opener.addIdentity(readFileSync(0, 'utf8').trim());
  process.stdout.write(await opener.decrypt(readFileSync(file)));
});
`);
  await chmod(join(folder, 'age'), 0o755);
  return [folder];
}
