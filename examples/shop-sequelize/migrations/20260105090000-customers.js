'use strict';

module.exports = {
  async up(queryInterface, Sequelize) {
    await queryInterface.createTable('customers', {
      id: { type: Sequelize.INTEGER, autoIncrement: true, primaryKey: true },
      email: { type: Sequelize.TEXT, allowNull: false },
    });
    await queryInterface.bulkInsert('customers', [{ email: 'dana@example.com' }, { email: 'ben@example.com' }, { email: 'dana@example.com' }]);
  },

  async down(queryInterface) {
    await queryInterface.dropTable('customers');
  },
};
