/** Seeds of test projects: a program of Node that connects by DATABASE_URL. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Stack } from './stack.js';

/** Writes `seed.mjs`, which has a connected `client`, and the Prisma config that names it. */
export async function seedScript(stack: Stack, body: string): Promise<void> {
  await writeFile(join(stack.directory, 'seed.mjs'), `
    import { createRequire } from 'node:module';
    import { existsSync } from 'node:fs';
    const pg = createRequire(${JSON.stringify(import.meta.url)})('pg');
    const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
    client.on('error', () => {});
    await client.connect();
    const exists = (file) => existsSync(file);
    ${body}
    await client.end();
  `);
  await writeFile(join(stack.directory, 'prisma.config.ts'), `export default { schema: 'prisma/schema.prisma', migrations: { seed: 'node seed.mjs' } };\n`);
}
