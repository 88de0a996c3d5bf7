package pgdumps

import _ "embed"

// Schemas with rows, for psql. Each can be loaded into several databases of a server.
var (
	// Shop has most of what PostgreSQL 13 has, for reading dumps of it back.
	//go:embed shop.sql
	Shop string

	// Rentals is a video rental: the usual parts of a grown business database.
	//go:embed rentals.sql
	Rentals string

	// Music is a record shop whose names all need quotes, some of them in other scripts.
	//go:embed music.sql
	Music string

	//go:embed everything.sql
	everything string
)

// Everything is a schema of all kinds of objects and types that servers of a major
// version know.
func Everything(major int) string {
	sql := everything
	if major >= 15 {
		sql += `
			CREATE TABLE app.nulls (a integer, UNIQUE NULLS NOT DISTINCT (a));
			CREATE PUBLICATION some_rows FOR TABLE app.orders WHERE (amount > 10);
			CREATE VIEW app.mine WITH (security_invoker) AS SELECT 1 AS one;`
	}
	if major >= 17 {
		sql += `
			CREATE FUNCTION app.on_login() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'nobody enters'; END $$;
			CREATE EVENT TRIGGER on_login ON login EXECUTE FUNCTION app.on_login();
			ALTER EVENT TRIGGER on_login DISABLE;`
	}
	if major >= 18 {
		sql += `
			CREATE TABLE app.computed (a integer, b integer GENERATED ALWAYS AS (a * 2) VIRTUAL, during daterange NOT NULL,
				CONSTRAINT no_overlap PRIMARY KEY (a, during WITHOUT OVERLAPS), CONSTRAINT loose CHECK (a > 0) NOT ENFORCED);
			INSERT INTO app.computed VALUES (1, DEFAULT, '[2024-01-01,2024-02-01)');`
	}
	return sql
}
