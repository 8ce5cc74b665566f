import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Customers1767603600000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('CREATE TABLE "customers" ("id" SERIAL NOT NULL, "email" character varying NOT NULL, CONSTRAINT "PK_133ec679a801fab5e070f73d3ea" PRIMARY KEY ("id"))');
    await queryRunner.query("INSERT INTO customers (email) VALUES ('dana@example.com'), ('ben@example.com'), ('dana@example.com')");
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE "customers"');
  }
}
