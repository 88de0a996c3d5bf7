package sqlstore

import (
	"context"
	"database/sql"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// dialect is where the two kinds of databases differ. Statements are written with a
// question mark for each argument, and hold none in their texts.
type dialect struct {
	kind     string
	numbered bool   // arguments are $1, $2
	clock    string // nanoseconds since 1970 by the database's clock
	lock     string // keeps the rows of a SELECT for this transaction
	free     string // the same for those that nobody else keeps
	position string // function that finds a text in another one
	join     string // aggregate that joins texts
	stale    string // of a job that its process should have begun to drill by now
	roomy    string // before much is written at once, and after it; may be empty
	usual    string

	conflict func(error) bool // a violated UNIQUE
	again    func(error) bool // a transaction lost to another one: try again
}

var sqliteDialect = dialect{
	kind:     "sqlite",
	clock:    `CAST(unixepoch('now', 'subsec') * 1000000000 AS INTEGER)`,
	position: "instr",
	join:     "group_concat",
	roomy:    `PRAGMA cache_size = -131072`, // KiB
	usual:    `PRAGMA cache_size = -2000`,
	stale:    `j.attempted_at < datetime('now', 'subsec', '-10 seconds')`,
	again:    func(error) bool { return false }, // it waits for its lock before it begins
}

var postgresDialect = dialect{
	kind: "postgres", numbered: true,
	clock:    `CAST(extract(epoch FROM clock_timestamp()) * 1000000000 AS BIGINT)`,
	lock:     ` FOR UPDATE`,
	free:     ` FOR UPDATE SKIP LOCKED`,
	position: "strpos",
	join:     "string_agg",
	usual:    `ANALYZE drills, reports, targets`,
	stale:    `j.attempted_at < now() - interval '10 seconds'`,
}

// querier is what a pool, a connection and a transaction have in common.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// session runs statements of both dialects.
type session struct {
	*dialect
	q querier
}

// look is for what only reads.
func (s *Store) look() session { return session{&s.dialect, s.read} }

// exec returns how many rows it changed.
func (s session) exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := s.q.ExecContext(ctx, s.text(query), fit(args)...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (s session) row(ctx context.Context, query string, args ...any) *sql.Row {
	return s.q.QueryRowContext(ctx, s.text(query), fit(args)...)
}

// each calls scan for every row.
func (s session) each(ctx context.Context, scan func(*sql.Rows) error, query string, args ...any) error {
	rows, err := s.q.QueryContext(ctx, s.text(query), fit(args)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// strings returns the only column of a query.
func (s session) strings(ctx context.Context, query string, args ...any) ([]string, error) {
	var list []string
	err := s.each(ctx, func(rows *sql.Rows) error {
		var one string
		err := rows.Scan(&one)
		list = append(list, one)
		return err
	}, query, args...)
	return list, err
}

// text puts arguments into the dialect's words.
func (d *dialect) text(query string) string {
	if !d.numbered {
		return query
	}
	var b strings.Builder
	b.Grow(len(query) + 16)
	for n := 1; ; n++ {
		before, after, found := strings.Cut(query, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
		query = after
	}
}

// marks is a list of n arguments, and repeat a list of n equal elements.
func marks(n int) string { return repeat("?", n) }
func repeat(element string, n int) string {
	return strings.TrimSuffix(strings.Repeat(element+",", n), ",")
}

// nanos is how a time is stored; the zero time is NULL.
func nanos(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixNano()
}

func moment(nanos int64) time.Time { return time.Unix(0, nanos).UTC() }

// when reads a stored time into t.
func when(t *time.Time) *instant { return &instant{t} }

type instant struct{ t *time.Time }

// Scan implements sql.Scanner.
func (i *instant) Scan(value any) error {
	var n sql.NullInt64
	if err := n.Scan(value); err != nil {
		return err
	}
	*i.t = time.Time{}
	if n.Valid {
		*i.t = moment(n.Int64)
	}
	return nil
}

// fit makes every text among args fit for both databases: PostgreSQL refuses what is
// no UTF-8, and one with a zero byte.
func fit(args []any) []any {
	fitting := slices.Clone(args)
	for i, a := range fitting {
		if v := reflect.ValueOf(a); v.Kind() == reflect.String {
			fitting[i] = clean(v.String())
		}
	}
	return fitting
}

func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// plain is a text without any control character.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return -1
		}
		return r
	}, s)
}
