package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"lifeboat/history"
)

// AddToken implements history.Access.
func (s *Store) AddToken(ctx context.Context, tok history.Token) error {
	return s.change(ctx, "store token "+tok.Name+" in", func(t *tx) error {
		n, err := t.exec(ctx, `INSERT INTO tokens (name, role, hash, created, used) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			tok.Name, tok.Role, tok.Hash, tok.Created.UnixNano(), nanos(tok.Used))
		if err == nil && n == 0 {
			err = answer{fmt.Errorf("there is a token named %s already", tok.Name)}
		}
		return err
	})
}

const tokenColumns = `name, role, hash, created, used`

func scanToken(row scanner) (t history.Token, err error) {
	err = row.Scan(&t.Name, &t.Role, &t.Hash, when(&t.Created), when(&t.Used))
	return t, err
}

// Tokens implements history.Access.
func (s *Store) Tokens(ctx context.Context) ([]history.Token, error) {
	var list []history.Token
	err := s.look().each(ctx, func(rows *sql.Rows) error {
		t, err := scanToken(rows)
		list = append(list, t)
		return err
	}, `SELECT `+tokenColumns+` FROM tokens ORDER BY name`)
	return list, s.explain("list tokens in", err)
}

// RemoveToken implements history.Access.
func (s *Store) RemoveToken(ctx context.Context, name string) error {
	return s.change(ctx, "remove token "+name+" from", func(t *tx) error {
		n, err := t.exec(ctx, `DELETE FROM tokens WHERE name = ?`, name) // and its sessions
		if err == nil && n == 0 {
			err = answer{fmt.Errorf("%w: no token is named %s", history.ErrNotFound, name)}
		}
		return err
	})
}

// usedEvery is how exactly the last use of a token is known: requests would write otherwise.
const usedEvery = time.Minute

// useTimeout bounds recording it: a database that can be read and not written shuts nobody
// out, least of all whoever comes to see what is wrong with it.
const useTimeout = time.Second

// FindToken implements history.Access.
func (s *Store) FindToken(ctx context.Context, hash string, now time.Time) (history.Token, error) {
	tok, err := scanToken(s.look().row(ctx, `SELECT `+tokenColumns+` FROM tokens WHERE hash = ?`, hash))
	if errors.Is(err, sql.ErrNoRows) {
		return history.Token{}, fmt.Errorf("%w: no such token", history.ErrNotFound)
	}
	if err != nil {
		return history.Token{}, s.explain("look for a token in", err)
	}
	if now.Sub(tok.Used) < usedEvery {
		return tok, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, useTimeout, fmt.Errorf("recording a use took longer than %s", useTimeout))
	defer cancel()
	err = s.change(ctx, "record the use of token "+tok.Name+" in", func(t *tx) error {
		_, err := t.exec(ctx, `UPDATE tokens SET used = ? WHERE hash = ?`, now.UnixNano(), hash)
		return err
	})
	if err == nil {
		tok.Used = now.UTC()
	}
	return tok, nil
}

// longestSession bounds how long sessions last: those that would have ended that long
// before a new one's end are over, and are removed.
const longestSession = 90 * 24 * time.Hour

// AddSession implements history.Access.
func (s *Store) AddSession(ctx context.Context, n history.Session) error {
	return s.change(ctx, "store a session in", func(t *tx) error {
		if _, err := t.exec(ctx, `DELETE FROM sessions WHERE expires < ?`, n.Expires.Add(-longestSession).UnixNano()); err != nil {
			return err
		}
		_, err := t.exec(ctx, `INSERT INTO sessions (hash, token, role, csrf, expires) SELECT ?, name, ?, ?, CAST(? AS BIGINT)
			FROM tokens WHERE name = ?`, n.Hash, n.Role, n.CSRF, n.Expires.UnixNano(), n.Token)
		return err
	})
}

// FindSession implements history.Access.
func (s *Store) FindSession(ctx context.Context, hash string, now time.Time) (history.Session, error) {
	var n history.Session
	err := s.look().row(ctx, `SELECT hash, token, role, csrf, expires FROM sessions WHERE hash = ? AND expires > ?`, hash, now.UnixNano()).
		Scan(&n.Hash, &n.Token, &n.Role, &n.CSRF, when(&n.Expires))
	if errors.Is(err, sql.ErrNoRows) {
		return history.Session{}, fmt.Errorf("%w: the session is over", history.ErrNotFound)
	}
	return n, s.explain("look for a session in", err)
}

// RemoveSession implements history.Access.
func (s *Store) RemoveSession(ctx context.Context, hash string) error {
	return s.change(ctx, "remove a session from", func(t *tx) error {
		_, err := t.exec(ctx, `DELETE FROM sessions WHERE hash = ?`, hash)
		return err
	})
}
