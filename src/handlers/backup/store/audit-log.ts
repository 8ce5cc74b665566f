/** The audit log of a store: one JSON line a record, none twice. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { syncFolder } from './durable.js';

/** Appends to one log wait for each other: two deliveries of a record at once must not both find it missing. */
const queues = new Map<string, Promise<void>>();

/** Appends a record unless its `record_id` is there already; durable when it returns. */
export async function appendAuditLine(location: string, record: { record_id: string }): Promise<void> {
  const folder = join(location, 'audit');
  const path = join(folder, 'audit.jsonl');
  const before = queues.get(path) ?? Promise.resolve();
  const mine = before.catch(() => undefined).then(async () => {
    if (await hasRecord(path, record.record_id)) return;
    const file = await open(path, 'a+', 0o600);
    try {
      const { size } = await file.stat();
      const last = Buffer.alloc(1);
      if (size > 0) await file.read(last, 0, 1, size - 1);
      // A crash can leave half a line: it stays readable as damaged, and must not swallow this one.
      const separator = size > 0 && last.toString() !== '\n' ? '\n' : '';
      await file.appendFile(`${separator}${JSON.stringify(record)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await syncFolder(folder);
  });
  queues.set(path, mine);
  try {
    await mine;
  } finally {
    if (queues.get(path) === mine) queues.delete(path);
  }
}

async function hasRecord(path: string, recordId: string): Promise<boolean> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  try {
    for await (const line of lines) if (line.includes(JSON.stringify(recordId)) && recordIdOf(line) === recordId) return true;
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function recordIdOf(line: string): unknown {
  try {
    return (JSON.parse(line) as { record_id?: unknown } | null)?.record_id;
  } catch {
    return undefined;
  }
}
