/** The program `aws` for commands that people run: the one that is installed, else one made of the SDK. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onPath } from '../../src/dev/executables.js';
import { tempDir } from './temp.js';

/** A folder for PATH in which `aws s3 cp` from S3 to stdout is; nothing where the whole program is on PATH. */
export async function awsFolder(): Promise<string[]> {
  if (onPath('aws')) return [];
  const folder = await tempDir();
  const library = fileURLToPath(import.meta.resolve('@aws-sdk/client-s3'));
  await writeFile(join(folder, 'aws'), `#!${process.execPath}
const words = process.argv.slice(2);
const option = (name) => (words.includes(name) ? words.splice(words.indexOf(name), 2)[1] : undefined);
const [region, endpoint] = [option('--region'), option('--endpoint-url')];
const [s3, cp, quiet, from, to] = words;
if ([s3, cp, quiet, to].join(' ') !== 's3 cp --only-show-errors -') throw new Error('other arguments than expected');
const { hostname, pathname } = new URL(from);
const { S3Client, GetObjectCommand } = require(${JSON.stringify(library)});
new S3Client({ region, endpoint, forcePathStyle: true }).send(new GetObjectCommand({ Bucket: hostname, Key: pathname.slice(1) })).then(({ Body }) => Body.pipe(process.stdout));
`);
  await chmod(join(folder, 'aws'), 0o755);
  return [folder];
}
