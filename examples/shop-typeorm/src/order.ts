import { Column, Entity, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';
import type { Customer } from './customer';

@Entity('orders')
export class Order {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ default: 0 })
  totalCents!: number;

  @ManyToOne('Customer', 'orders')
  customer!: Customer;
}
