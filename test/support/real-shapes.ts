/**
 * Projects of hundreds of migrations that hold what real ones do, from a seed: one in six CONCURRENTLY, DO blocks, functions with `;`,
 * enums grown and used later, data migrations, extensions, triggers, quotes in comments, CRLF, BOM, empty files. Every
 * one has a down script, so that any stretch can be undone.
 */
import type { Random } from './seeded.js';

export interface Shape { name: string; up: string; down: string }

interface State {
  tables: { name: string; columns: string[] }[];
  labels: number;
}

type Make = (n: number, random: Random, state: State) => Omit<Shape, 'name'>;

const tableOf = (random: Random, { tables }: State) => random.pick(tables);

const createTable: Make = (n, _random, state) => {
  const name = `T${n} it's`;
  state.tables.push({ name, columns: ['note'] });
  return {
    up: `-- CreateTable: it's the "${n}th"; really\nCREATE TABLE "${name}" (\n  "id" SERIAL PRIMARY KEY, "note" TEXT DEFAULT 'a;b', "state" "State" NOT NULL DEFAULT 'new'\n);\nINSERT INTO "${name}" ("note") SELECT 'row ' || g FROM generate_series(1, 5) g;\n`,
    down: `DROP TABLE "${name}";`,
  };
};

const addColumn: Make = (n, random, state) => {
  const table = tableOf(random, state);
  table.columns.push(`c${n}`);
  return {
    up: `ALTER TABLE "${table.name}" ADD COLUMN "c${n}" TEXT;\nCREATE INDEX "i${n}" ON "${table.name}" ("c${n}");\n`,
    down: `ALTER TABLE "${table.name}" DROP COLUMN "c${n}";`,
  };
};

const concurrently: Make = (n, random, state) => {
  const table = tableOf(random, state);
  return { up: `-- CreateIndex\nCREATE INDEX CONCURRENTLY "k${n}" ON "${table.name}" ("note", "id");\n`, down: `DROP INDEX "k${n}";` };
};

const doBlock: Make = (n) => ({
  up: `DO $$\nBEGIN\n  IF NOT EXISTS (SELECT 1 FROM "Log" WHERE "what" = 'do ${n}; done') THEN\n    INSERT INTO "Log" ("what") VALUES (E'do ${n}; done'), ('it''s ${n}');\n  END IF;\nEND\n$$;\n`,
  down: `DELETE FROM "Log" WHERE "what" IN ('do ${n}; done', 'it''s ${n}');`,
});

const functionAndTrigger: Make = (n, random, state) => {
  const table = tableOf(random, state);
  return {
    up: `CREATE FUNCTION touch_${n}() RETURNS trigger LANGUAGE plpgsql AS $body$\nBEGIN\n  NEW."note" := coalesce(NEW."note", $q$it's; "new"$q$);\n  RETURN NEW;\nEND;\n$body$;\nCREATE TRIGGER touch_${n} BEFORE INSERT ON "${table.name}" FOR EACH ROW EXECUTE FUNCTION touch_${n}();\n`,
    down: `DROP TRIGGER touch_${n} ON "${table.name}"; DROP FUNCTION touch_${n}();`,
  };
};

/** A label cannot be taken back, as in life: its down does nothing. */
const growEnum: Make = (_n, _random, state) => {
  state.labels += 1;
  return { up: `ALTER TYPE "State" ADD VALUE IF NOT EXISTS 'label ${state.labels}';\n`, down: '-- A label of an enum stays.\nSELECT 1;' };
};

const data: Make = (n, random, state) => {
  const table = tableOf(random, state);
  const label = state.labels === 0 ? 'new' : `label ${1 + random.below(state.labels)}`;
  return {
    up: `/* data; it's "${n}" /* nested */ */\nINSERT INTO "${table.name}" ("note", "state") VALUES ('data ${n}; --x', '${label}');\nUPDATE "${table.name}" SET "note" = "note" || '' WHERE "note" LIKE '%;%';\n`,
    down: `DELETE FROM "${table.name}" WHERE "note" = 'data ${n}; --x';`,
  };
};

const windows: Make = (n, _random, _state) => ({
  up: `\ufeff-- AlterTable\r\nINSERT INTO "Log" ("what") VALUES ('crlf ${n};\r\n--c');\r\n`,
  down: `DELETE FROM "Log" WHERE "what" LIKE 'crlf ${n};%';`,
});

const nothing: Make = (_n, random) => ({ up: random.pick(['', '-- This is an empty migration.', '\n\n', '\ufeff']), down: 'SELECT 1;' });

const OTHERS: readonly Make[] = [createTable, addColumn, addColumn, doBlock, functionAndTrigger, growEnum, data, data, windows, nothing];

/** `count` migrations, ordered by name; some names end in `.sql`, as directories of real projects do. */
export function realShapes(random: Random, count: number): Shape[] {
  const state: State = { tables: [], labels: 0 };
  return Array.from({ length: count }, (_, n) => {
    const make = n === 0 ? start : n === 1 ? createTable : n % 6 === 5 ? concurrently : random.pick(OTHERS);
    return { name: `2026${String(n).padStart(10, '0')}_step_${n}${n % 29 === 7 ? '.sql' : ''}`, ...make(n, random, state) };
  });
}

const start: Make = () => ({
  up: `CREATE EXTENSION IF NOT EXISTS pgcrypto;\nCREATE TYPE "State" AS ENUM ('new', 'o''ld');\nCREATE TABLE "Log" ("id" uuid PRIMARY KEY DEFAULT gen_random_uuid(), "what" text);\n`,
  down: `DROP TABLE "Log"; DROP TYPE "State"; DROP EXTENSION pgcrypto;`,
});
