-- Each order will carry its total and how many things it holds, so that lists need no join. The application fills them in.
ALTER TABLE `orders` ADD COLUMN `total_cents` INTEGER NOT NULL DEFAULT 0,
                     ADD COLUMN `pieces` INTEGER NOT NULL DEFAULT 0;
