exports.up = async (knex) => {
  await knex.schema.createTable('customers', (table) => {
    table.increments();
    table.text('email').notNullable();
  });
  await knex('customers').insert([{ email: 'dana@example.com' }, { email: 'ben@example.com' }, { email: 'dana@example.com' }]);
};

exports.down = (knex) => knex.schema.dropTable('customers');
