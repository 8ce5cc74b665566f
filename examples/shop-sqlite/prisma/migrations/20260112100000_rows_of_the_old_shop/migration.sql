-- The rows that the old shop had: 2 000 customers, 200 products, 10 000 orders. Times are milliseconds, as Prisma writes them.
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1997)
INSERT INTO "customers" ("email", "name", "created_at")
SELECT 'customer' || n || '@example.com', 'Customer ' || n, 1735689600000 + n * 10800000 FROM numbers;

-- It let the same address register more than once.
INSERT INTO "customers" ("email", "name", "created_at") VALUES
    ('ana.silva@example.com', 'Ana Silva', 1738576800000),
    ('ana.silva@example.com', 'Ana M. Silva', 1750185000000),
    ('ana.silva@example.com', 'A. Silva', 1764321120000);

WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 200)
INSERT INTO "products" ("sku", "name", "price_cents")
SELECT 'SKU-' || printf('%05d', n), 'Product ' || n, 100 + (n * 37) % 9900 FROM numbers;

WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000)
INSERT INTO "orders" ("customer_id", "status", "placed_at")
SELECT 1 + (n * 17) % 2000, CASE n % 3 WHEN 0 THEN 'NEW' WHEN 1 THEN 'SENT' ELSE 'PAID' END, 1740787200000 + n * 2400000 FROM numbers;

INSERT INTO "order_items" ("order_id", "product_id", "quantity", "price_cents")
SELECT o."id", p."id", 1 + (o."id" + item."n") % 3, p."price_cents"
FROM "orders" AS o
CROSS JOIN (SELECT 0 AS "n" UNION ALL SELECT 1) AS item
JOIN "products" AS p ON p."id" = 1 + (o."id" * 7 + item."n" * 61) % 200;
