/** moto's server: AWS's answers (S3, RDS, STS …) from memory, on loopback. */
import { open, readFile, rm, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../src/dev/free-port.js';
import { startGroup } from '../../src/dev/process-group.js';
import { fetchPackage, privatePython } from '../../src/dev/python-packages.js';

export interface Moto {
  /** `http://127.0.0.1:port`. */
  endpoint: string;
  stop(): Promise<void>;
}

/** @throws Error with the end of its output when it does not come up. */
export async function startMoto(): Promise<Moto> {
  const packages = await fetchPackage('moto', '5.2.5', console.error, ['moto[s3]==5.2.5', 'flask==3.1.2', 'flask-cors==6.0.1']);
  const python = await privatePython(console.error);
  const folder = await mkdtemp(join(tmpdir(), 'faber-db-moto-'));
  const port = await freePort();
  const log = await open(join(folder, 'server.log'), 'w');
  const group = await startGroup(python, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
    cwd: folder, env: { PATH: process.env['PATH'], PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: '1' }, stdio: ['ignore', log.fd, log.fd],
  });
  await log.close();
  const stop = async () => {
    await group.stop('SIGTERM', 2_000);
    await rm(folder, { recursive: true, force: true });
  };
  const endpoint = `http://127.0.0.1:${port}`;
  let gone = false;
  void group.closed.then(() => (gone = true));
  for (const until = Date.now() + 60_000; !gone && Date.now() < until; await sleep(100)) {
    if (await fetch(`${endpoint}/moto-api/data.json`).then((response) => response.ok, () => false)) return { endpoint, stop };
  }
  const tail = (await readFile(join(folder, 'server.log'), 'utf8')).slice(-2000);
  await stop();
  throw new Error(`moto did not start on ${endpoint}:\n${tail}`);
}
