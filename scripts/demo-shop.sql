create role shop_app;
create schema shop authorization shop_app;
set role shop_app;
create type shop.state as enum ('new', 'paid', 'sent', 'returned');
create table shop.customers (
  id bigint generated always as identity primary key,
  name text not null,
  email text not null unique,
  joined_at timestamptz not null
);
create table shop.products (
  id bigint generated always as identity primary key,
  name text not null,
  price numeric(10, 2) not null check (price >= 0)
);
create table shop.orders (
  id bigint generated always as identity primary key,
  customer_id bigint not null references shop.customers,
  state shop.state not null default 'new',
  created_at timestamptz not null
);
create table shop.order_lines (
  order_id bigint not null references shop.orders,
  line int not null,
  product_id bigint not null references shop.products,
  quantity int not null check (quantity > 0),
  primary key (order_id, line)
);
create view shop.revenue as
  select date_trunc('month', o.created_at) as month, sum(l.quantity * p.price) as total
  from shop.orders o join shop.order_lines l on l.order_id = o.id join shop.products p on p.id = l.product_id
  group by 1;

insert into shop.customers (name, email, joined_at)
  select 'Customer ' || n, 'customer' || n || '@shop.example', timestamptz '2025-01-01 00:00Z' + n * interval '3 hours'
  from generate_series(1, 2000) n;
insert into shop.products (name, price)
  select 'Product ' || n, (n * 7 % 500) + 0.99 from generate_series(1, 200) n;
insert into shop.orders (customer_id, state, created_at)
  select n * 13 % 2000 + 1, (enum_range(null::shop.state))[n % 4 + 1], timestamptz '2025-06-01 00:00Z' + n * interval '20 minutes'
  from generate_series(1, 20000) n;
insert into shop.order_lines
  select n, l, (n * 31 + l) % 200 + 1, n % 3 + 1 from generate_series(1, 20000) n, generate_series(1, 2) l;
create index on shop.orders (customer_id);
create index on shop.orders (created_at);
