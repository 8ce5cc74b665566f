-- The rows that the old shop had: 2 000 customers, 200 products, 10 000 orders.
INSERT INTO `customers` (`email`, `name`, `created_at`)
WITH RECURSIVE `numbers` (`n`) AS (SELECT 1 UNION ALL SELECT `n` + 1 FROM `numbers` WHERE `n` < 997)
SELECT CONCAT('customer', `n`, '@example.com'), CONCAT('Customer ', `n`), '2025-01-01' + INTERVAL 3 * `n` HOUR FROM `numbers`;

INSERT INTO `customers` (`email`, `name`, `created_at`)
SELECT CONCAT('customer', 1000 + `id`, '@example.com'), CONCAT('Customer ', 1000 + `id`), `created_at` + INTERVAL 3000 HOUR FROM `customers`;

-- It let the same address register more than once.
INSERT INTO `customers` (`email`, `name`, `created_at`) VALUES
    ('ana.silva@example.com', 'Ana Silva', '2025-02-03 10:00:00'),
    ('ana.silva@example.com', 'Ana M. Silva', '2025-06-17 18:30:00'),
    ('ana.silva@example.com', 'A. Silva', '2025-11-28 09:12:00');

INSERT INTO `products` (`sku`, `name`, `price_cents`)
WITH RECURSIVE `numbers` (`n`) AS (SELECT 1 UNION ALL SELECT `n` + 1 FROM `numbers` WHERE `n` < 200)
SELECT CONCAT('SKU-', LPAD(`n`, 5, '0')), CONCAT('Product ', `n`), 100 + (`n` * 37) % 9900 FROM `numbers`;

INSERT INTO `orders` (`customer_id`, `status`, `placed_at`)
SELECT `c`.`id`, CASE (`c`.`id` + `p`.`id`) % 3 WHEN 0 THEN 'NEW' WHEN 1 THEN 'SENT' ELSE 'PAID' END, '2025-03-01' + INTERVAL 40 * (`c`.`id` + `p`.`id`) MINUTE
FROM `customers` AS `c` JOIN `products` AS `p` ON `p`.`id` <= 5;

INSERT INTO `order_items` (`order_id`, `product_id`, `quantity`, `price_cents`)
SELECT `o`.`id`, `p`.`id`, 1 + (`o`.`id` + `p`.`id`) % 3, `p`.`price_cents`
FROM `orders` AS `o` JOIN `products` AS `p` ON `p`.`id` IN (1 + (`o`.`id` * 7) % 200, 1 + (`o`.`id` * 7 + 61) % 200);
