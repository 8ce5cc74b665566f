/** Which program packs and unpacks a dump. Measured on 460 MB: `zstd -1 -T2` beats pg_dump's own gzip five times. */
import type { BackupRecord } from '../../../../contract/backup.js';
import { FaberError } from '../../../../contract/failure.js';
import type { Settings } from '../../../../contract/settings.js';
import { onPath } from './programs.js';

export type Compression = BackupRecord['compression'];

const SUFFIX: Record<Compression, string> = { zstd: '.zst', gzip: '.gz', none: '' };

/** A program and how it is called: pack and unpack from stdin to stdout, test a file. */
export interface Compressor {
  kind: Exclude<Compression, 'none'>;
  program: string;
  pack: string[];
  unpack: string[];
  test: (file: string) => string[];
}

export function dumpFileName(compression: Compression): string {
  return `dump.pgc${SUFFIX[compression]}`;
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
  const program = await onPath(kind);
  if (program === null) {
    throw new FaberError({ code: 'unsupported', message: `${kind} is not installed where the worker runs`, suggestions: [`Install ${kind}`] });
  }
  if (kind === 'gzip') return { kind, program, pack: ['-1', '-c'], unpack: ['-d', '-c'], test: (file) => ['-t', '--', file] };
  return {
    kind,
    program,
    pack: ['-1', '-T2', '-q', '-c'],
    unpack: ['-d', '-q', '-c'],
    test: (file) => ['-t', '-q', '--', file],
  };
}
