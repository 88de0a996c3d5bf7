package main

import (
	"bytes"
	"context"
	"database/sql"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/klauspost/compress/zstd"

	"lifeboat/history/sqlite"
	"lifeboat/internal/alive"
	"lifeboat/sandbox"
)

var (
	//go:embed demo/lifeboat.yaml
	demoConfig []byte
	//go:embed demo/shop.dump
	shopDump []byte
	//go:embed demo/shop-emptied.dump
	shopEmptiedDump []byte
)

// demoTime is how times stand in the names of the demo's backups.
const demoTime = "20060102T150405Z"

// demoRecord is the file of the demo's history, as its configuration has it.
const demoRecord = "lifeboat.db"

// demoSchedule is when the targets of a demo that serves are due.
const demoSchedule = "0 5 * * *"

// errorPage is what a backup script stores when the download it wraps went wrong.
const errorPage = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>\n"

// notesRows is how many rows the demo's SQLite database has.
const notesRows = 12000

// demoBackups makes the backups of the demo, whole and broken, by key.
func demoBackups(dir string, now time.Time) (map[string][]byte, error) {
	notes, err := notesBackup(dir)
	if err != nil {
		return nil, err
	}
	today, before := now.Add(-3*time.Hour).UTC(), now.Add(-27*time.Hour).UTC()
	fresh, yesterday := today.Format(demoTime), before.Format(demoTime)
	lastWeek := now.Add(-9 * 24 * time.Hour).UTC().Format(demoTime)
	return map[string][]byte{
		"notes/notes-" + yesterday + ".db.zst":       notes,
		"notes/notes-" + fresh + ".db.zst":           notes,
		"notes-truncated/notes-" + fresh + ".db.zst": notes[:len(notes)*6/10],
		"notes-stale/notes-" + lastWeek + ".db.zst":  notes,
		"notes-error-page/notes-" + fresh + ".db":    []byte(errorPage),
		"shop/shop-" + yesterday + ".dump":           made(shopDump, before),
		"shop/shop-" + fresh + ".dump":               made(shopDump, today),
		"shop-emptied/shop-" + fresh + ".dump":       made(shopEmptiedDump, today),
		"shop-truncated/shop-" + fresh + ".dump":     made(shopDump, today)[:len(shopDump)*6/10],
	}, nil
}

// madeOffset is where an archive of pg_dump 15 (format 1.14, 4-byte integers) tells when it
// was made, behind its magic, versions and compression.
const madeOffset = 16

// made returns a copy of an archive that says it was made at a time: the demo's dumps were,
// long ago, and Lifeboat reads inside them how old they really are.
func made(dump []byte, at time.Time) []byte {
	dump = bytes.Clone(dump)
	fields := dump[madeOffset:madeOffset]
	for _, n := range []int{at.Second(), at.Minute(), at.Hour(), at.Day(), int(at.Month()) - 1, at.Year() - 1900, 0} {
		fields = append(fields, 0) // not negative
		fields = binary.LittleEndian.AppendUint32(fields, uint32(n))
	}
	return dump
}

// notesBackup makes a SQLite database, backs it up with VACUUM INTO and compresses
// the backup, as a careful script would.
func notesBackup(dir string) (_ []byte, err error) {
	db, err := sql.Open("sqlite", filepath.Join(dir, "notes-live.db"))
	if err != nil {
		return nil, fmt.Errorf("make the demo's notes: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	backup := filepath.Join(dir, "notes-backup.db")
	for _, q := range []string{
		`create table authors (id integer primary key, name text not null unique)`,
		`create table notes (id integer primary key, author integer not null references authors, title text not null, body text not null)`,
		`insert into authors (name) with recursive n(i) as (select 1 union all select i + 1 from n where i < 40) select 'Author ' || i from n`,
		fmt.Sprintf(`insert into notes (author, title, body) with recursive n(i) as (select 1 union all select i + 1 from n where i < %d)
			select i %% 40 + 1, 'Note ' || i, 'What note ' || i || ' says, ' || hex(i * 7919) from n`, notesRows),
		`create index notes_by_author on notes (author)`,
		`vacuum into '` + backup + `'`,
	} {
		if _, err := db.Exec(q); err != nil {
			return nil, fmt.Errorf("make the demo's notes: %w", err)
		}
	}
	plain, err := os.ReadFile(backup)
	if err != nil {
		return nil, err
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return enc.EncodeAll(plain, nil), nil
}

// demoStorage is an S3-compatible server inside this process.
type demoStorage struct {
	server   *http.Server
	endpoint string
}

// startStorage serves backups from memory on a loopback port. They are put in from
// within: the server knows the S3 protocol for reading, which is all that Lifeboat
// ever does.
func startStorage(backups map[string][]byte, now time.Time, log *slog.Logger) (*demoStorage, error) {
	store := s3mem.New()
	if err := store.CreateBucket("backups"); err != nil {
		return nil, fmt.Errorf("make the demo's bucket: %w", err)
	}
	stored := map[string]string{"Last-Modified": now.UTC().Format(http.TimeFormat)}
	for key, content := range backups {
		if _, err := store.PutObject("backups", key, maps.Clone(stored), bytes.NewReader(content), int64(len(content)), nil); err != nil {
			return nil, fmt.Errorf("put the demo's backup %s: %w", key, err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the demo's storage: %w", err)
	}
	fake := gofakes3.New(store, gofakes3.WithLogger(gofakes3.DiscardLog()))
	s := &demoStorage{
		server: &http.Server{
			Handler: fake.Server(), ReadHeaderTimeout: 10 * time.Second,
			ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
		endpoint: listener.Addr().String(),
	}
	go func() {
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the demo's storage stopped", "error", err)
		}
	}()
	return s, nil
}

func (s *demoStorage) close() error { return s.server.Close() }

// runEnding is the ending of the directory of one run of the demo.
const runEnding = ".run"

// demoDir makes a directory for one run of the demo, and finds those of runs that were
// killed. The returned function removes its own.
func demoDir() (dir string, dead []string, remove func() error, err error) {
	base := filepath.Join(os.TempDir(), fmt.Sprintf("lifeboat-demo-%d", os.Getuid()))
	beacon, err := alive.New(base)
	if err != nil {
		return "", nil, nil, err
	}
	dir = filepath.Join(base, beacon.Instance()+runEnding)
	remove = func() error {
		err := errors.Join(os.RemoveAll(dir), beacon.Close())
		_ = os.Remove(base) // stays while another demo runs
		return err
	}
	runs, err := filepath.Glob(filepath.Join(base, "*"+runEnding))
	if err != nil {
		return "", nil, nil, errors.Join(err, remove())
	}
	for _, run := range runs {
		if !alive.Alive(base, strings.TrimSuffix(filepath.Base(run), runEnding)) {
			dead = append(dead, run)
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", nil, nil, errors.Join(err, remove())
	}
	return dir, dead, remove, nil
}

// bury removes what a killed run of the demo left behind: its sandboxes, which carry
// the name in its record, and its directory.
func (a *app) bury(ctx context.Context, dead string) error {
	record := filepath.Join(dead, demoRecord)
	if _, err := os.Stat(record); err != nil {
		return os.RemoveAll(dead) // killed before it began any
	}
	store, err := sqlite.Open(ctx, record)
	if err != nil {
		return errors.Join(err, os.RemoveAll(dead))
	}
	installation, err := store.Installation(ctx)
	if err := errors.Join(err, store.Close()); err != nil {
		return errors.Join(err, os.RemoveAll(dead))
	}
	q := sandbox.SweepQuery{Installation: installation, Now: a.pipeline.Now(), Alive: func(string) bool { return false }}
	for _, r := range a.pipeline.Servers {
		if _, err := r.Sweep(ctx, q); err != nil {
			return err // the directory stays: it is what the sandboxes can be found by
		}
	}
	return os.RemoveAll(dead)
}

// withoutServer explains why the demo leaves PostgreSQL out.
func withoutServer(ctx context.Context, a *app) error {
	needs := demoNeeds()
	why := a.pipeline.NoServers
	usable := a.pipeline.Servers[:0]
	for _, r := range a.pipeline.Servers {
		if _, err := a.pipeline.TryRunner(ctx, r, needs); err != nil {
			why = errors.Join(why, fmt.Errorf("%s: %w", r.Name(), err))
			continue
		}
		usable = append(usable, r)
	}
	a.pipeline.Servers = usable
	if len(usable) > 0 {
		return nil
	}
	return why
}
