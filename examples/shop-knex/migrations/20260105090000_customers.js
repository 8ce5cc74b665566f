exports.up = async (knex) => {
  await knex.schema.createTable('customers', (table) => {
    table.increments();
    table.text('email').notNullable();
  });
  await knex('customers').insert([{ email: 'ana@example.com' }, { email: 'ben@example.com' }, { email: 'ana@example.com' }]);
};

exports.down = (knex) => knex.schema.dropTable('customers');
