-- Each order carries its total, so that lists need no join.
ALTER TABLE "orders" ADD COLUMN "total_cents" INTEGER NOT NULL DEFAULT 0;

UPDATE "orders" SET "total_cents" = t."total"
FROM (SELECT "order_id", sum("quantity" * "price_cents") AS "total" FROM "order_items" GROUP BY "order_id") AS t
WHERE t."order_id" = "orders"."id";

-- "NEW" told nobody anything.
ALTER TABLE "orders" ALTER COLUMN "status" SET DEFAULT 'PLACED';
UPDATE "orders" SET "status" = 'PLACED' WHERE "status" = 'NEW';
