-- Alone in its migration: CONCURRENTLY runs in no transaction, and keeps the shop selling while it builds.
CREATE INDEX CONCURRENTLY "orders_customer_id_idx" ON "orders"("customer_id");
