/** Which program packs and unpacks a dump. Measured on 460 MB: `zstd -1 -T2` beats pg_dump's own gzip five times. */
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { BackupRecord } from '../../../contract/backup.js';
import { FaberError } from '../../../contract/failure.js';
import type { Settings } from '../../../contract/settings.js';
import type { Program } from './process.js';

export type Compression = BackupRecord['compression'];

/** Programs that read stdin; pack and unpack write stdout. */
export interface Compressor {
  pack: Program;
  unpack: Program;
  /** Fails unless what it reads is whole. */
  test: Program;
}

const SUFFIX: Record<Compression, string> = { zstd: '.zst', gzip: '.gz', none: '' };
const CALLS = {
  zstd: { pack: ['-1', '-T2', '-q', '-c'], unpack: ['-d', '-q', '-c'], test: ['-t', '-q'] },
  gzip: { pack: ['-1', '-c'], unpack: ['-d', '-c'], test: ['-t'] },
} as const;

/** The name of a dump that has been packed. */
export function packedName(name: string, compression: Compression): string {
  return `${name}${SUFFIX[compression]}`;
}

/** What unpacks in a shell, from stdin to stdout; null where nothing has to be. */
export function unpackCommand(compression: Compression): string | null {
  return compression === 'none' ? null : [compression, ...CALLS[compression].unpack].join(' ');
}

/** @throws FaberError unsupported when the compression that the config insists on is not installed. */
export async function chooseCompression(wanted: Settings['backup']['compression']): Promise<Compression> {
  if (wanted !== 'auto') {
    await compressor(wanted);
    return wanted;
  }
  if (await onPath('zstd')) return 'zstd';
  return (await onPath('gzip')) ? 'gzip' : 'none';
}

/** @returns null for `none`. @throws FaberError unsupported when the program is not installed. */
export async function compressor(kind: Compression): Promise<Compressor | null> {
  if (kind === 'none') return null;
  const file = await onPath(kind);
  if (file === null) {
    throw new FaberError({ code: 'unsupported', message: `${kind} is not installed where the worker runs`, suggestions: [`Install ${kind}`] });
  }
  const { pack, unpack, test } = CALLS[kind];
  const program = (args: readonly string[]): Program => ({ name: kind, file, args });
  return { pack: program(pack), unpack: program(unpack), test: program(test) };
}

/** A program on PATH, or null. */
export async function onPath(name: string): Promise<string | null> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)) {
    const file = join(folder, name);
    if (await access(file, constants.X_OK).then(() => true, () => false)) return file;
  }
  return null;
}
