/** Migrations of the shapes that real projects have. */
import type { ProjectMigration } from '../../../support/prisma-cli.js';

export const SHAPES: Record<string, ProjectMigration> = {
  '20260101000000_init': {
    up: `-- CreateEnum
CREATE TYPE "Role" AS ENUM ('USER', 'ADMIN');

-- CreateTable: it's the "first"; really
CREATE TABLE "User" (
    "id" SERIAL NOT NULL,
    "email" TEXT NOT NULL,
    "role" "Role" NOT NULL DEFAULT 'USER',

    CONSTRAINT "User_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "User_email_key" ON "User"("email");
`,
  },
  '20260102000000_windows': { up: '-- AlterTable\r\nALTER TABLE "User" ADD COLUMN "note" TEXT;\r\n\r\nUPDATE "User" SET "note" = \'a;b\r\n--c\';\r\n' },
  '20260103000000_empty': { up: '' },
  '20260104000000_comment_only': { up: '-- This is an empty migration.' },
  '20260105000000_functions': {
    up: `CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  NEW."note" := coalesce(NEW."note", $q$it's; "new"$q$);
  RETURN NEW;
END;
$body$;
CREATE TRIGGER touch BEFORE INSERT ON "User" FOR EACH ROW EXECUTE FUNCTION touch();
DO $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM "User") THEN
    INSERT INTO "User" ("email") VALUES (E'o\\'hara@example.com'), ('b;b@example.com');
  END IF;
END
$$;
`,
  },
  '20260106000000_concurrently': { up: '-- CreateIndex\nCREATE INDEX CONCURRENTLY "User_note_idx" ON "User"("note");\n' },
  '20260107000000_grow_enum': { up: `-- AlterEnum\nALTER TYPE "Role" ADD VALUE 'OWNER';\n` },
  '20260108000000_use_enum': { up: `ALTER TABLE "User" ALTER COLUMN "role" SET DEFAULT 'OWNER';\n` },
  '20260109000000_shrink_enum': {
    up: `/*
  Warnings:

  - The values [OWNER] on the enum \`Role\` will be removed. If these variants are still used in the database, this will fail.

*/
-- AlterEnum
BEGIN;
CREATE TYPE "Role_new" AS ENUM ('USER', 'ADMIN');
ALTER TABLE "User" ALTER COLUMN "role" DROP DEFAULT;
ALTER TABLE "User" ALTER COLUMN "role" TYPE "Role_new" USING ("role"::text::"Role_new");
ALTER TYPE "Role" RENAME TO "Role_old";
ALTER TYPE "Role_new" RENAME TO "Role";
DROP TYPE "Role_old";
COMMIT;
`,
  },
  '20260110000000_other_schema': { up: 'CREATE SCHEMA IF NOT EXISTS "audit_log";\nCREATE TABLE "audit_log"."Event" ("id" BIGSERIAL PRIMARY KEY, "é" TEXT);\n' },
};
