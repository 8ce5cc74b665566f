// Knex takes the part that is named as the environment; faber-db sets DATABASE_URL to the database that was approved.
const base = { client: 'pg', connection: process.env.DATABASE_URL };

module.exports = { dev: base, production: base };
