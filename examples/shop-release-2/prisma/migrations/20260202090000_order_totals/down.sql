UPDATE "orders" SET "status" = 'NEW' WHERE "status" = 'PLACED';
ALTER TABLE "orders" ALTER COLUMN "status" SET DEFAULT 'NEW';
ALTER TABLE "orders" DROP COLUMN "total_cents";
