-- Works on every developer's machine, and fails on the rows of the old shop.
CREATE UNIQUE INDEX `customers_email_key` ON `customers`(`email`);
