ALTER TABLE `orders` DROP COLUMN `pieces`, DROP COLUMN `total_cents`;
