-- Each order carries its total and how many things it holds, so that lists need no join.
ALTER TABLE "orders" ADD COLUMN "total_cents" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "orders" ADD COLUMN "pieces" INTEGER NOT NULL DEFAULT 0;

UPDATE "orders" SET "total_cents" = i."total", "pieces" = i."pieces"
FROM (
    SELECT "order_id", sum("quantity" * "price_cents") AS "total", sum("quantity") AS "pieces"
    FROM "order_items" GROUP BY "order_id"
) AS i
WHERE i."order_id" = "orders"."id";
