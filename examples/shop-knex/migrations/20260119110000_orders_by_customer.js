// No transaction can hold this: faber-db marks it in the plan and runs it alone.
exports.config = { transaction: false };

exports.up = (knex) => knex.raw('CREATE INDEX CONCURRENTLY orders_by_customer ON orders (customer_id)');

exports.down = (knex) => knex.raw('DROP INDEX CONCURRENTLY orders_by_customer');
