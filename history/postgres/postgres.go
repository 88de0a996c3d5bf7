// Package postgres keeps Lifeboat's database on a PostgreSQL server, so that any number
// of Lifeboats on any number of machines share one record and one queue. It creates
// tables in the database it is given, and never a database.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"lifeboat/history"
	"lifeboat/history/internal/sqlstore"
)

var (
	_ history.Store    = (*Store)(nil)
	_ history.Importer = (*Store)(nil)
)

// errAddress stands for the parser's own words, which repeat what it was given.
var errAddress = errors.New("the address cannot be understood")

// Settings of the pool that an address does not set itself.
const (
	connections    = 16
	connectTimeout = 10 * time.Second
)

// Store is a database on a server. It implements history.Store.
type Store struct {
	*sqlstore.Store
	place string // address without user and password
}

// Open opens the database at dsn, which begins with postgres:// and may hold a
// password: no error repeats it. It brings an older database to this version's form.
func Open(ctx context.Context, dsn string) (*Store, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("open history on PostgreSQL: %w; write it as postgres://user:password@host:5432/database", errAddress)
	}
	s := &Store{place: place(cfg)}
	if !strings.Contains(dsn, "pool_max_conns") {
		cfg.MaxConns = connections
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = connectTimeout
	}
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "lifeboat"
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, s.explain("open", err)
	}
	s.Store, err = sqlstore.Postgres(ctx, pool, sqlstore.Trouble{Explain: s.explain, Conflict: conflict, Again: again})
	if err != nil {
		return nil, errors.Join(s.explain("open", err), s.Close())
	}
	return s, nil
}

func place(cfg *pgxpool.Config) string {
	c := cfg.ConnConfig
	if strings.HasPrefix(c.Host, "/") { // a folder with a socket
		return fmt.Sprintf("database %s at %s", c.Database, c.Host)
	}
	return (&url.URL{Scheme: "postgres", Host: net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))), Path: "/" + c.Database}).String()
}
