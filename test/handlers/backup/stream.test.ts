/** Pipes between functions of ours and programs. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compressor } from '../../../src/handlers/backup/dump/compression.js';
import { PipeFailed, pipe } from '../../../src/handlers/backup/dump/stream.js';
import type { Pieces, Take } from '../../../src/handlers/backup/contract.js';
import { FaberError } from '../../../src/contract/failure.js';
import { tempDir } from '../../support/temp.js';
import { never } from './setup.js';

const shell = (script: string, ...args: string[]) => ({ name: 'sh', file: '/bin/sh', args: ['-c', script, 'sh', ...args] });
const repeated = (text: string, times: number): Pieces => async (take) => {
  // One buffer for all, as a store gives them.
  const piece = Buffer.alloc(text.length);
  for (let n = 0; n < times; n++) {
    piece.write(text);
    await take(piece);
    piece.fill(0);
  }
};

function collect(): { take: Take; text: () => string } {
  const pieces: Buffer[] = [];
  return { take: async (piece) => void pieces.push(Buffer.from(piece)), text: () => Buffer.concat(pieces).toString() };
}

test('from a function through a program to a function, and from function to function, every byte comes', async () => {
  const gzip = (await compressor('gzip'))!;
  const packed = collect();
  await pipe(repeated('some bytes ', 100_000), gzip.pack, packed.take, never);
  expect(packed.text().length).toBeLessThan(100_000);
  const straight = collect();
  await pipe(repeated('some bytes ', 1000), null, straight.take, never);
  expect(straight.text()).toBe('some bytes '.repeat(1000));
  const through = collect();
  await pipe(repeated('some bytes ', 100_000), shell('cat'), through.take, never);
  expect(through.text()).toBe('some bytes '.repeat(100_000));
});

test('data that break off are not taken for whole by the program that reads them', async () => {
  const file = join(await tempDir(), 'taken');
  const broken: Pieces = async (take) => {
    await take(Buffer.from('half'));
    throw new FaberError({ code: 'store_unavailable', message: 'gone' });
  };
  await expect(pipe(broken, null, shell('cat > "$1.part" && mv "$1.part" "$1"', file), never)).rejects.toMatchObject({ code: 'store_unavailable' });
  await expect(readFile(file)).rejects.toThrow('ENOENT');
});

test('a function that fails to take ends what writes to it, and its error is told', async () => {
  const full = Object.assign(new Error('full'), { code: 'ENOSPC' });
  const failing = pipe(shell('yes'), null, () => Promise.reject(full), never);
  await expect(failing).rejects.toMatchObject({ fileError: full });
});

test('a program that fails is the culprit, not the pipe it leaves broken', async () => {
  const failing = pipe(repeated('x'.repeat(1000), 100_000), null, shell('head -c 10 > /dev/null; echo "sh: error: no such role" >&2; exit 3'), never);
  await expect(failing).rejects.toSatisfy((error) => error instanceof PipeFailed && error.culprit?.code === 3);
});
