import type { DriftDifference } from '../../../src/contract/drift.js';
import { driftHandlers } from '../../../src/handlers/drift/index.js';
import type { FoundDrift } from '../../../src/handlers/drift/contract.js';
import { asAdmin } from '../../support/postgres.js';
import { bench, type Bench } from '../migration/prisma/support.js';

/** What a database with every kind of object would be made by. */
export const PROJECT = {
  '001_shop': {
    up: `CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE TABLE customer (id serial PRIMARY KEY, email varchar(200) NOT NULL, mood mood DEFAULT 'calm', status varchar(10) DEFAULT 'new', CONSTRAINT status_known CHECK (status IN ('new', 'old')));
CREATE TABLE "Order" (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int NOT NULL REFERENCES customer (id), price numeric(10, 2) DEFAULT 0 NOT NULL, note text, paid boolean NOT NULL DEFAULT false, CHECK (price >= 0));
CREATE VIEW open_orders AS SELECT id, price FROM "Order" WHERE NOT paid;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER touched BEFORE UPDATE ON "Order" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE POLICY own ON customer USING (email = current_user);`,
  },
  '002_index': { up: 'CREATE INDEX CONCURRENTLY order_unpaid ON "Order" (customer) WHERE NOT paid' },
};

/** Compares the database with the project's migrations. */
export async function findDrift(b: Bench, signal: AbortSignal = b.context.signal): Promise<FoundDrift> {
  const { handler: tool, database, target } = b;
  return driftHandlers('postgresql', database).find({ target, tool, settings: b.context.settings, migrations: await b.migrations(), id: 'status-1', signal });
}

export const inShort = ({ differences }: FoundDrift): [string, DriftDifference['difference'], string | null][] => differences.map(({ object, difference, sql }) => [object, difference, sql]);

export async function applied(project: Parameters<typeof bench>[0] = PROJECT): Promise<Bench> {
  const b = await bench(project);
  await b.applyPending();
  return b;
}

/** Scratch databases that a role has left. */
export const scratchesOf = async (role: string) =>
  (await asAdmin("SELECT datname FROM pg_database WHERE datname LIKE 'faber_db_scratch_%' AND pg_get_userbyid(datdba) = $1", [role])).map(({ datname }) => String(datname));
