// Sequelize takes the part that is named as the environment; faber-db sets DATABASE_URL to the database that was approved.
const base = { use_env_variable: 'DATABASE_URL', dialect: 'postgres' };

module.exports = { dev: base, production: base };
