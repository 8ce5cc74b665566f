-- The rows that the old shop had: 2 000 customers, 200 products, 10 000 orders.
INSERT INTO "customers" ("email", "name", "created_at")
SELECT 'customer' || n || '@example.com', 'Customer ' || n, TIMESTAMP '2025-01-01' + n * INTERVAL '3 hours'
FROM generate_series(1, 1997) AS n;

-- It let the same address register more than once.
INSERT INTO "customers" ("email", "name", "created_at") VALUES
    ('ana.silva@example.com', 'Ana Silva', '2025-02-03 10:00:00'),
    ('ana.silva@example.com', 'Ana M. Silva', '2025-06-17 18:30:00'),
    ('ana.silva@example.com', 'A. Silva', '2025-11-28 09:12:00');

INSERT INTO "products" ("sku", "name", "price_cents")
SELECT 'SKU-' || lpad(n::text, 5, '0'), 'Product ' || n, 100 + (n * 37) % 9900
FROM generate_series(1, 200) AS n;

INSERT INTO "orders" ("customer_id", "status", "placed_at")
SELECT 1 + (n * 17) % 2000, CASE n % 3 WHEN 0 THEN 'NEW' WHEN 1 THEN 'SENT' ELSE 'PAID' END, TIMESTAMP '2025-03-01' + n * INTERVAL '40 minutes'
FROM generate_series(1, 10000) AS n;

INSERT INTO "order_items" ("order_id", "product_id", "quantity", "price_cents")
SELECT o, p."id", 1 + (o + item) % 3, p."price_cents"
FROM generate_series(1, 10000) AS o
CROSS JOIN generate_series(0, 1) AS item
JOIN "products" AS p ON p."id" = 1 + (o * 7 + item * 61) % 200;
