exports.seed = async (knex) => {
  await knex('orders').del();
  await knex('orders').insert({ customer_id: 1, total_cents: 1250 });
};
