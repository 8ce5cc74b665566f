import { Column, Entity, OneToMany, PrimaryGeneratedColumn } from 'typeorm';
import type { Order } from './order';

@Entity('customers')
export class Customer {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  email!: string;

  @OneToMany('Order', 'customer')
  orders!: Order[];
}
