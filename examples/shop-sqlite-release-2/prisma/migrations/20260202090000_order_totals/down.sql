ALTER TABLE "orders" DROP COLUMN "pieces";
ALTER TABLE "orders" DROP COLUMN "total_cents";
