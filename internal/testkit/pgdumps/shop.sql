-- A schema with most of what PostgreSQL 13 has, for reading dumps of it back.
create schema "Weird Schema";
create schema audit;
create extension pgcrypto;
create extension hstore schema audit;
create type mood as enum ('sad', 'ok', 'happy; "very"');
create type pair as (a int, b text);
create type span as range (subtype = float8);
create domain email as text constraint "has at" check (value like '%@%');
alter domain email add constraint short check (length(value) < 100) not valid;

create table customers (
  id bigint generated always as identity primary key,
  name text not null,
  mail email unique,
  feeling mood default 'ok',
  tags text[] default '{}',
  doc jsonb,
  raw bytea,
  twice int generated always as (length(name) * 2) stored,
  constraint named check (name <> '')
);
insert into customers (name, mail, feeling, tags, doc, raw)
select 'customer ' || i, 'c' || i || '@example.org', 'happy; "very"', array['a', E'b\nc', null],
  '{"x": "a\\b;\n''"}', decode(md5(i::text), 'hex')
from generate_series(1, 1000) i;
insert into customers (name) values (E'\\.'), (E'line\n\\.\nline'), ('insert into x values (1);'), (E'tab\there'), ('-- Name: fake; Type: TABLE; Schema: public; Owner: nobody');

create table orders (
  id serial primary key,
  customer bigint references customers,
  placed timestamptz not null default now(),
  note text
);
insert into orders (customer, note) select 1 + i % 1000, E'\\N' || i from generate_series(1, 2500) i;
create index orders_placed on orders (placed);
create unique index "orders ""odd"" index" on orders (id, customer) where id > 3;
create statistics orders_stats on id, customer from orders;

create table events (at date not null, what text, constraint events_key primary key (at, what)) partition by range (at);
create table events_2024 partition of events for values from ('2024-01-01') to ('2025-01-01');
create table "events 2025" partition of events for values from ('2025-01-01') to ('2026-01-01');
insert into events select '2024-01-01'::date + i, 'e' || i from generate_series(0, 699) i;
create index events_what on events (what);

create table parent (a int);
create table child (b int) inherits (parent);
insert into parent values (1), (2);
insert into child values (3, 4);

create table empty ();
create table empty_too (a int);
create table rows_of_nothing ();
insert into rows_of_nothing default values;
insert into rows_of_nothing default values;

create table "Weird Schema"."Größe ""x"" . y" ("col; 1" int primary key, "b c" text);
insert into "Weird Schema"."Größe ""x"" . y" select i, 'ü' || i from generate_series(1, 17) i;
alter table "Weird Schema"."Größe ""x"" . y" add constraint "con with space" unique ("b c");
create table "two
lines" (a int);
insert into "two
lines" values (1), (2), (3);
create table "select" (a text);
insert into "select" values ('INSERT INTO public.orders VALUES (1);'), ('b');
create table blanks (a text);
insert into blanks select '' from generate_series(1, 7);
create unlogged table scratch (a int);
insert into scratch values (1);

create view happy as select id, name from customers where feeling <> 'sad';
create view "Weird Schema".v as select 1 as one;
create materialized view totals as select customer, count(*) from orders group by 1;
create unique index totals_customer on totals (customer);

create function add(int, int default 3) returns int language sql immutable as $body$ select $1 + $2; $body$;
create function add(a pair, variadic rest text[]) returns text language plpgsql as $$
begin
  -- Name: not; Type: TABLE; Schema: public; Owner: real
  return 'x; COPY public.nothing FROM stdin;';
end $$;
create function "Odd Name"(out x int, inout y text) language sql as 'select 1, $1';
create procedure clean() language sql as 'delete from scratch';
create aggregate total(int) (sfunc = int4pl, stype = int, initcond = '0');
create aggregate counted(*) (sfunc = int8inc, stype = bigint, initcond = '0');
create operator === (leftarg = int, rightarg = int, function = int4eq);
create operator === (leftarg = text, rightarg = text, function = texteq);
create function touch() returns trigger language plpgsql as 'begin return new; end';
create trigger touched before update on orders for each row execute function touch();
create trigger "odd trigger" after insert on "Weird Schema"."Größe ""x"" . y" for each statement execute function touch();
create constraint trigger checked after insert on orders deferrable initially deferred for each row execute function touch();
create trigger on_events after insert on events for each row execute function touch();
create function noticed() returns event_trigger language plpgsql as 'begin end';
create event trigger watch on ddl_command_start execute function noticed();
alter event trigger watch disable;
create rule "no delete" as on delete to orders do instead nothing;
create rule several as on update to "select" do also (insert into scratch values (1); insert into scratch values (2));
alter table customers enable row level security;
create sequence loose start 7;
create collation "german" (locale = 'C');
create text search configuration english_too (copy = english);
create publication pub for table orders;
comment on table orders is E'a comment; with -- dashes\nand lines $$';
select lo_from_bytea(0, decode(repeat('ab', 5000), 'hex')) from generate_series(1, 5);
select lo_create(0);

select format('create role %I', name)
from unnest(array['shop_owner', 'Reader One', 'two, with "quotes"', 'granted_default', 'policy_role']) name
where not exists (select from pg_roles where rolname = name) \gexec
alter table orders owner to shop_owner;
grant select on customers to "Reader One", "two, with ""quotes""" with grant option;
grant select (name) on customers to public;
alter default privileges for role shop_owner in schema public grant select on tables to granted_default;
create policy mine on customers as restrictive for select to policy_role, current_user using (name <> 'to');
