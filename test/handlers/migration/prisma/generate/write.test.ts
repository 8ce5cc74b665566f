import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderName } from '../../../../../src/handlers/migration/prisma/generate/folder-name.js';
import { writeMigration } from '../../../../../src/handlers/migration/prisma/generate/write.js';
import { asOneTransaction, withoutSchema } from '../../../../../src/handlers/migration/prisma/postgresql/arrange.js';
import { tempDir } from '../../../../support/temp.js';

const AT = Date.UTC(2026, 0, 24, 10, 30, 5, 999);

describe('names a migration', () => {
  it.each([
    ['by the time', [], '20260124103005_x'],
    ['after one of the same second', ['20260124103005_a'], '20260124103006_x'],
    ['after one from a clock that was ahead', ['20260124235959_a', '20250101000000_b'], '20260125000000_x'],
    ['after names that are no times', ['001_init', '0_init', '20200101_short'], '20260124103005_x'],
  ])('%s', (_title, existing, name) => {
    expect(folderName('x', AT, existing)).toBe(name);
  });

  it.each([['zzz'], ['30000000000000000_x'], ['99991231235959_x']])('refuses where %s would come last', (last) => {
    expect(() => folderName('x', AT, [last])).toThrow(/would come after/);
  });
});

describe('writes a migration', () => {
  it('over none, and leaves nothing beside it', async () => {
    const migrations = join(await tempDir(), 'prisma', 'migrations');
    await writeMigration(migrations, 'postgresql', '1_a', { 'migration.sql': Buffer.from('one'), 'down.sql': Buffer.from('down') });
    await expect(writeMigration(migrations, 'postgresql', '1_a', { 'migration.sql': Buffer.from('two') })).rejects.toThrow('1_a is there already; it was left as it is');
    expect(await readFile(join(migrations, '1_a', 'migration.sql'), 'utf8')).toBe('one');
    await mkdir(join(migrations, '2_empty'));
    await expect(writeMigration(migrations, 'postgresql', '2_empty', { 'migration.sql': Buffer.from('two') })).rejects.toThrow('is there already');
    expect(await readdir(migrations)).toEqual(['1_a', '2_empty', 'migration_lock.toml']);
  });

  it('after a killed attempt, whose half goes', async () => {
    const root = await tempDir();
    await mkdir(join(root, '.faber-db-unfinished-migration'));
    await writeFile(join(root, '.faber-db-unfinished-migration', 'migration.sql'), 'half');
    await writeMigration(join(root, 'migrations'), 'postgresql', '1_a', { 'migration.sql': Buffer.from('whole') });
    expect(await readdir(root)).toEqual(['migrations']);
    expect(await readFile(join(root, 'migrations', '1_a', 'migration.sql'), 'utf8')).toBe('whole');
  });

  it('not where it may not', async () => {
    const root = await tempDir();
    await writeFile(join(root, 'migrations'), 'a file');
    await expect(writeMigration(join(root, 'migrations'), 'postgresql', '1_a', {})).rejects.toThrow('could not be written (EEXIST)');
    expect(await readdir(root)).toEqual(['migrations']);
  });
});

describe('makes of the engine’s scripts', () => {
  it('one transaction, and touches no string and no comment', async () => {
    const script = `-- AlterEnum: BEGIN;\nBEGIN;\nSELECT 'é; BEGIN; COMMIT;';\nCOMMIT;\n\nSELECT 1;\nBEGIN;\nSELECT 2;\nCOMMIT;\n`;
    expect(await asOneTransaction(script)).toBe(`-- AlterEnum: BEGIN;\nSELECT 'é; BEGIN; COMMIT;';\n\nSELECT 1;\nSELECT 2;\n`);
  });

  it('scripts that follow search_path', async () => {
    const script = `-- "public"."a"\nALTER TABLE "public"."Bücher" ALTER "x" TYPE "public"."T" USING ("x"::text::"public"."T"), ALTER y SET DEFAULT '"public"."z"';\nDROP TABLE "other"."public";\nDROP SCHEMA "public";\n`;
    expect(await withoutSchema(script, 'public')).toBe(
      `-- "public"."a"\nALTER TABLE "Bücher" ALTER "x" TYPE "T" USING ("x"::text::"T"), ALTER y SET DEFAULT '"public"."z"';\nDROP TABLE "other"."public";\nDROP SCHEMA "public";\n`,
    );
  });
});
