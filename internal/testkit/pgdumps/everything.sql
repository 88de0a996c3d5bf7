-- A schema with what PostgreSQL 13 and later have in common, and its traps.
CREATE EXTENSION hstore;
CREATE EXTENSION citext;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION btree_gist;
CREATE EXTENSION pgcrypto;
CREATE EXTENSION "uuid-ossp";
SELECT format('CREATE ROLE %I', name) FROM unnest(ARRAY['alice', 'Größe Team']) name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
CREATE SCHEMA app AUTHORIZATION alice;
CREATE SCHEMA "Weird Schema.with dot";
COMMENT ON SCHEMA app IS 'the application';

CREATE TYPE app.mood AS ENUM ('sad', 'ok', 'happy', 'it''s complicated');
CREATE TYPE app.address AS (street text, zip varchar(10));
CREATE TYPE app.floatrange AS RANGE (subtype = float8);
CREATE DOMAIN app.positive AS integer CONSTRAINT is_positive CHECK (VALUE > 0);
CREATE DOMAIN app.email AS citext CHECK (VALUE LIKE '%@%');
CREATE SEQUENCE app.ticket START 1000 INCREMENT 10;
CREATE COLLATION app.posix (locale = 'C');

-- Functions that find their tables by the search path of whoever calls them.
CREATE TABLE app.rates (currency char(3) PRIMARY KEY, rate numeric(20, 10) NOT NULL);
INSERT INTO app.rates VALUES ('EUR', 1), ('USD', 1.0812345678);
CREATE FUNCTION app.rate(c char) RETURNS numeric LANGUAGE sql STABLE SET search_path = app, pg_temp AS 'SELECT rate FROM rates WHERE currency = c';
CREATE FUNCTION app.normal(t text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lower(btrim(t)) $$;
CREATE FUNCTION app.plus(a integer, b integer DEFAULT 1, VARIADIC rest integer[] DEFAULT '{}') RETURNS integer LANGUAGE plpgsql AS
$body$ BEGIN RETURN a + b + COALESCE(array_length(rest, 1), 0); END $body$;
CREATE FUNCTION app.split(IN a text, OUT l text, OUT r text) LANGUAGE sql AS $$ SELECT left(a, 1), right(a, 1) $$;
CREATE PROCEDURE app.tidy(p_limit integer) LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; END $$;
CREATE AGGREGATE app.longest(text) (SFUNC = textcat, STYPE = text, INITCOND = '');
CREATE FUNCTION app.same_mood(app.mood, app.mood) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2';
CREATE OPERATOR app.=== (LEFTARG = app.mood, RIGHTARG = app.mood, FUNCTION = app.same_mood);
CREATE CAST (app.address AS text) WITH INOUT;

CREATE TABLE app.customers (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	email app.email UNIQUE,
	name text NOT NULL COLLATE app.posix,
	name_key text GENERATED ALWAYS AS (app.normal(name)) STORED,
	mood app.mood NOT NULL DEFAULT 'ok',
	home app.address,
	age app.positive,
	tags text[] NOT NULL DEFAULT '{}',
	matrix integer[][],
	attrs jsonb,
	kv hstore,
	photo bytea,
	opening app.floatrange,
	during tstzrange,
	token uuid DEFAULT uuid_generate_v4(),
	net inet, mac macaddr, area box, doc xml, ts tsvector, bits bit varying(20), cost money, span interval,
	created_at timestamptz NOT NULL DEFAULT now(),
	born date
);
CREATE INDEX customers_name_key ON app.customers (app.normal(name));
CREATE INDEX customers_trgm ON app.customers USING gin (name gin_trgm_ops);
CREATE INDEX customers_attrs ON app.customers USING gin (attrs jsonb_path_ops) WHERE attrs IS NOT NULL;
CREATE STATISTICS app.customers_stat (dependencies) ON mood, age FROM app.customers;
INSERT INTO app.customers (email, name, mood, home, age, tags, matrix, attrs, kv, photo, opening, during, net, mac, area, ts, bits, cost, span, created_at, born)
SELECT 'c' || i || '@example.org', E'Name\t"' || i || E'"\n\\.\n' || repeat('ä€😀', i % 5), (enum_range(NULL::app.mood))[1 + i % 4],
	ROW('Main "Street", ' || i, '0' || i)::app.address, i, ARRAY['a,b', '{x}', NULL, ''], '{{1,2},{3,4}}',
	jsonb_build_object('n', i, 's', E'quote " and \\'), hstore('k"', 'v' || i), decode(md5(i::text), 'hex'),
	app.floatrange(i, i + 1.5), tstzrange(now(), 'infinity'), '10.0.0.1', '08:00:2b:01:02:03', '((0,0),(1,1))',
	to_tsvector('simple', 'word' || i), B'1010', i::money, '1 year 2 mons 3 days 04:05:06.789',
	'2024-01-01 00:00:00+00'::timestamptz + i * interval '1 minute', CASE WHEN i % 10 = 0 THEN 'infinity' ELSE '2000-01-01'::date + i END
FROM generate_series(1, 500) i;

CREATE TABLE app.orders (
	id integer PRIMARY KEY DEFAULT nextval('app.ticket'),
	customer bigint NOT NULL REFERENCES app.customers DEFERRABLE INITIALLY DEFERRED,
	amount numeric(12, 2) NOT NULL CHECK (amount >= 0),
	placed timestamp NOT NULL
);
ALTER SEQUENCE app.ticket OWNED BY app.orders.id;
INSERT INTO app.orders (customer, amount, placed) SELECT 1 + i % 500, i, '2024-06-01'::timestamp + i * interval '1 hour' FROM generate_series(1, 1000) i;
ALTER TABLE app.orders ADD CONSTRAINT later CHECK (amount < 100000) NOT VALID;
CREATE VIEW app.totals AS SELECT customer, sum(amount) AS total FROM app.orders GROUP BY customer;
CREATE MATERIALIZED VIEW app.top AS SELECT *, app.rate('USD') AS usd FROM app.totals WHERE total > 100;
CREATE UNIQUE INDEX top_customer ON app.top (customer);
CREATE RULE totals_insert AS ON INSERT TO app.totals DO INSTEAD NOTHING;

-- Partitions of partitions, a default one, and one that is empty.
CREATE TABLE app.events (id bigint NOT NULL, at timestamptz NOT NULL, kind text NOT NULL, PRIMARY KEY (id, at, kind)) PARTITION BY RANGE (at);
CREATE TABLE app.events_2023 PARTITION OF app.events FOR VALUES FROM ('2023-01-01') TO ('2024-01-01') PARTITION BY LIST (kind);
CREATE TABLE app.events_2023_a PARTITION OF app.events_2023 FOR VALUES IN ('a');
CREATE TABLE app.events_2023_rest PARTITION OF app.events_2023 DEFAULT;
CREATE TABLE app.events_2024 PARTITION OF app.events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE app.events_empty PARTITION OF app.events FOR VALUES FROM ('2030-01-01') TO ('2031-01-01');
CREATE TABLE app.events_rest PARTITION OF app.events DEFAULT;
CREATE INDEX events_kind ON app.events (kind);
INSERT INTO app.events SELECT i, '2022-12-30'::timestamptz + i * interval '1 day', chr(97 + i % 3) FROM generate_series(1, 900) i;
CREATE TABLE app.hashed (id integer NOT NULL) PARTITION BY HASH (id);
CREATE TABLE app.hashed_0 PARTITION OF app.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE app.hashed_1 PARTITION OF app.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO app.hashed SELECT generate_series(1, 50);
-- Hashes of an enum depend on its identifiers, which differ after a restore.
CREATE TABLE app.by_mood (m app.mood NOT NULL, n integer) PARTITION BY HASH (m);
CREATE TABLE app.by_mood_0 PARTITION OF app.by_mood FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE app.by_mood_1 PARTITION OF app.by_mood FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO app.by_mood SELECT (enum_range(NULL::app.mood))[1 + i % 4], i FROM generate_series(1, 40) i;

CREATE TABLE app.cities (name text, altitude integer);
CREATE TABLE app.capitals (state char(2)) INHERITS (app.cities);
INSERT INTO app.cities VALUES ('Las Vegas', 2174), ('Mariposa', 1953);
INSERT INTO app.capitals VALUES ('Madison', 845, 'WI');

-- Tables that refer to each other, rows of the first before those of the second.
CREATE TABLE app.chicken (id integer PRIMARY KEY, egg integer);
CREATE TABLE app.egg (id integer PRIMARY KEY, chicken integer REFERENCES app.chicken);
ALTER TABLE app.chicken ADD FOREIGN KEY (egg) REFERENCES app.egg DEFERRABLE;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO app.chicken VALUES (1, 1);
INSERT INTO app.egg VALUES (1, 1);
COMMIT;
CREATE TABLE app.room (id integer, during tstzrange, EXCLUDE USING gist (id WITH =, during WITH &&));
INSERT INTO app.room VALUES (1, '[2024-01-01,2024-01-02)'), (1, '[2024-01-02,2024-01-03)');

CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO app.log DEFAULT VALUES; RETURN NEW; END $$;
CREATE TABLE app.log (id serial PRIMARY KEY, at timestamptz DEFAULT now());
CREATE TRIGGER touch AFTER INSERT ON app.orders FOR EACH ROW EXECUTE FUNCTION app.touch();
CREATE TRIGGER "touch twice" BEFORE UPDATE ON app.orders FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION app.touch();
ALTER TABLE app.orders DISABLE TRIGGER "touch twice";
ALTER TABLE app.customers ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.customers FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON app.customers TO alice USING (mood <> 'sad');

CREATE TABLE "Weird Schema.with dot"."Tab ""le" ("Col umn" text, "select" integer, "ünïcode" text);
INSERT INTO "Weird Schema.with dot"."Tab ""le" VALUES (E'\\N', 1, NULL), ('\.', 2, '');
CREATE INDEX "Index with spaces" ON "Weird Schema.with dot"."Tab ""le" ("Col umn");
CREATE TABLE "Weird Schema.with dot"."таблица" (id integer);
CREATE TABLE public.empty (id serial PRIMARY KEY, note text);
CREATE TABLE public.no_columns ();
INSERT INTO public.no_columns DEFAULT VALUES;
CREATE TABLE public.wide (id integer, body text);
INSERT INTO public.wide SELECT i, repeat(md5(i::text), 5000) FROM generate_series(1, 20) i;
CREATE UNLOGGED TABLE public.unlogged (id integer);
INSERT INTO public.unlogged VALUES (1);
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE public.remote (id integer) SERVER nowhere;
CREATE TEXT SEARCH CONFIGURATION app.mine (COPY = simple);

SELECT lo_from_bytea(0, 'a large object');
SELECT lo_from_bytea(4242, decode(repeat('00ff', 50000), 'hex'));
COMMENT ON LARGE OBJECT 4242 IS 'binary';
COMMENT ON TABLE app.orders IS E'with ''quotes'' and\nlines';
GRANT SELECT ON app.orders TO "Größe Team";
GRANT UPDATE (amount) ON app.orders TO alice;
ALTER DEFAULT PRIVILEGES FOR ROLE alice IN SCHEMA app GRANT SELECT ON TABLES TO "Größe Team";
ALTER TABLE app.orders OWNER TO alice;
CREATE PUBLICATION pub FOR TABLE app.orders, app.customers;
CREATE SUBSCRIPTION sub CONNECTION 'host=192.0.2.1 dbname=x connect_timeout=600' PUBLICATION pub WITH (connect = false);
CREATE FUNCTION app.watch() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; END $$;
CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION app.watch();
