exports.up = (knex) =>
  knex.schema.createTable('orders', (table) => {
    table.increments();
    table.integer('customer_id').notNullable().references('customers.id');
    table.integer('total_cents').notNullable().defaultTo(0);
  });

exports.down = (knex) => knex.schema.dropTable('orders');
