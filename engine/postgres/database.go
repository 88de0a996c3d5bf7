package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lifeboat/engine"
)

// database is what one dump was restored into: usually one PostgreSQL database, and
// all of a server for pg_dumpall. It implements engine.Database.
type database struct {
	parts       []*part
	slots       chan struct{} // one for each session that may work at a time
	restoreTime time.Duration // how long the tool took
	progress    func(engine.Progress)
}

// part is one PostgreSQL database. Its sessions share one exported snapshot, which its
// leader keeps open.
type part struct {
	server server
	name   string // of the PostgreSQL database
	label  string // Table.Database of what it holds, empty when it is the only one

	mu       sync.Mutex
	leader   *session
	snapshot string
	idle     []*session

	amcheck, noAmcheck string // schema of the extension, or why there is none
}

// open lists the databases that the restore filled.
func (l *loader) open(ctx context.Context, admin *session, m engine.Manifest, target string) (*database, error) {
	db := &database{slots: make(chan struct{}, jobs(l.options.Limits)), restoreTime: l.restoreTime, progress: l.options.Progress}
	if m.Format != formatCluster {
		db.parts = []*part{{server: l.server, name: target}}
		return db, nil
	}
	rows, err := admin.rows(ctx, "SELECT datname FROM pg_database WHERE datallowconn AND datname <> 'template0' ORDER BY datname")
	if err != nil {
		return nil, l.server.accident(ctx, "list databases", err)
	}
	for _, r := range rows {
		name := string(r[0])
		db.parts = append(db.parts, &part{server: l.server, name: name, label: name})
	}
	return db, nil
}

// begin is how every transaction starts that answers a question.
const begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

// lead opens the part's snapshot if it is not open yet.
func (p *part) lead(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.leader != nil {
		return nil
	}
	s, err := p.server.connect(ctx, p.name, operator)
	if err != nil {
		return err
	}
	rows, err := s.rows(ctx, begin+"; SELECT pg_catalog.pg_export_snapshot()")
	if err != nil {
		s.close(ctx)
		return p.server.accident(ctx, "open a snapshot of "+p.name, err)
	}
	p.leader, p.snapshot = s, string(rows[0][0])
	return nil
}

// take returns a session of its own to the caller, within the part's snapshot.
func (p *part) take(ctx context.Context) (*session, error) {
	err := p.lead(ctx)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	var s *session
	if n := len(p.idle); n > 0 {
		s, p.idle = p.idle[n-1], p.idle[:n-1]
	}
	p.mu.Unlock()
	if s == nil {
		if s, err = p.server.connect(ctx, p.name, operator); err != nil {
			return nil, err
		}
	}
	if err := p.renew(ctx, s); err != nil {
		s.close(ctx)
		return nil, err
	}
	return s, nil
}

// renew starts a transaction of s in the part's snapshot, in place of one that failed.
func (p *part) renew(ctx context.Context, s *session) error {
	p.mu.Lock()
	snapshot := p.snapshot
	p.mu.Unlock()
	if _, err := s.run(ctx, "ROLLBACK; "+begin+"; SET TRANSACTION SNAPSHOT "+literal(snapshot)); err != nil {
		return p.server.accident(ctx, "join the snapshot of "+p.name, err)
	}
	return nil
}

// give takes a session back and ends its transaction.
func (p *part) give(ctx context.Context, s *session) {
	if !s.conn.IsClosed() {
		if _, err := s.run(ctx, "ROLLBACK"); err == nil {
			p.mu.Lock()
			p.idle = append(p.idle, s)
			p.mu.Unlock()
			return
		}
	}
	s.close(ctx)
}

// with runs f in a session of p within its snapshot, when a slot is free.
func (d *database) with(ctx context.Context, p *part, f func(*session) error) error {
	select {
	case d.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-d.slots }()
	s, err := p.take(ctx)
	if err != nil {
		return err
	}
	defer p.give(ctx, s)
	return f(s)
}

// rest closes the sessions that nobody uses: a dump of a whole server may hold more
// databases than it has connections.
func (p *part) rest(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, s := range p.idle {
		errs = append(errs, s.close(ctx))
	}
	p.idle = nil
	return errors.Join(errs...)
}

// Close implements engine.Database.
func (d *database) Close(ctx context.Context) error {
	var errs []error
	for _, p := range d.parts {
		errs = append(errs, p.rest(ctx))
		p.mu.Lock()
		if p.leader != nil {
			errs = append(errs, p.leader.close(ctx))
			p.leader = nil
		}
		p.mu.Unlock()
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close connections to the sandbox: %w", err)
	}
	return nil
}
