import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { Customer } from './customer';
import { Order } from './order';

export default new DataSource({
  type: 'postgres',
  // faber-db sets it to the database that was approved.
  url: process.env.DATABASE_URL,
  entities: [Customer, Order],
  migrations: ['src/migrations/*.ts'],
});
