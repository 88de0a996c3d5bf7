package main

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lifeboat/configs"
	"lifeboat/internal/units"
	"lifeboat/storage"
	"lifeboat/verify/text"
)

// proposal is a configuration being put together from what was found.
type proposal struct {
	location   string
	listed     int
	now        time.Time
	sourceName string
	source     configs.Source
	found      []foundSeries
}

type foundSeries struct {
	storage.Series
	recognised
	name string
}

// add takes in one series. Names of targets are made from patterns and kept apart.
func (p *proposal) add(s storage.Series, r recognised) {
	name := targetName(s.Pattern)
	for n := 2; p.has(name); n++ {
		name = targetName(s.Pattern) + "-" + strconv.Itoa(n)
	}
	p.found = append(p.found, foundSeries{Series: s, recognised: r, name: name})
}

func (p *proposal) has(name string) bool {
	for _, f := range p.found {
		if f.name == name {
			return true
		}
	}
	return false
}

// targets is how many series can be drilled as they are.
func (p *proposal) targets() int {
	n := 0
	for _, f := range p.found {
		if f.err == nil {
			n++
		}
	}
	return n
}

var (
	openParts = regexp.MustCompile(`\{time:[^}]*\}|[*?\[\]\\{}]`)
	wordParts = regexp.MustCompile(`[^\pL\pN]+`)
	suffixes  = regexp.MustCompile(`(?i)\.(dump|sql|db|sqlite3?|tar|gz|zst|xz|lz4|bz2|age|gpg|pgp|enc|asc|bak|backup)\b`)
)

// targetName makes a short name from a pattern: "pg/orders-{time:...}.dump.zst" is
// "pg-orders".
func targetName(pattern string) string {
	name := suffixes.ReplaceAllString(openParts.ReplaceAllString(pattern, ""), "")
	name = strings.Trim(wordParts.ReplaceAllString(name, "-"), "-")
	if name == "" {
		return "backups"
	}
	return strings.ToLower(name)
}

// yaml writes the configuration. What cannot be drilled is left as a comment that
// says why and what to do.
func (p *proposal) yaml() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Proposed by lifeboat init on %s, from %s below %s.\n",
		p.now.UTC().Format(time.DateOnly), units.Counted(int64(p.listed), "object"), text.Clean(p.location))
	b.WriteString("# Every line is yours to change; docs/configuration.md explains all of them.\n\nsources:\n")
	p.writeSource(&b)
	b.WriteString("\ntargets:\n")
	for _, f := range p.found {
		if f.err == nil {
			f.writeTarget(&b, p.sourceName)
		}
	}
	for _, f := range p.found {
		if f.err != nil {
			f.writeProblem(&b)
		}
	}
	b.WriteString("\nserver: {history: lifeboat.db}\n")
	return b.String()
}

func (p *proposal) writeSource(b *strings.Builder) {
	s := p.source
	fmt.Fprintf(b, "  %s:\n    kind: %s\n", p.sourceName, s.Kind)
	for _, f := range []struct{ key, value string }{
		{"endpoint", s.Endpoint}, {"region", s.Region}, {"bucket", s.Bucket}, {"ca_file", s.CAFile}, {"path", s.Path},
	} {
		if f.value != "" {
			fmt.Fprintf(b, "    %s: %s\n", f.key, strconv.Quote(f.value))
		}
	}
	if s.Insecure {
		b.WriteString("    insecure: true # plain HTTP: keys and backups cross the network in the clear\n")
	}
	if s.Anonymous {
		b.WriteString("    anonymous: true\n")
	}
	if s.Kind == configs.KindS3 && !s.Anonymous {
		b.WriteString("    # No key is named here: they come from the environment (AWS_ACCESS_KEY_ID), the shared\n" +
			"    # credentials file or the machine's role. A key that can only read is enough.\n")
	}
}

func (f foundSeries) writeTarget(b *strings.Builder, source string) {
	m := f.Manifest
	fmt.Fprintf(b, "  # %s like %s\n", units.Counted(int64(f.Count), "backup"), text.Clean(f.Example))
	fmt.Fprintf(b, "  # newest: %s, made %s; %s", units.Bytes(f.Artifact.Bytes()), f.Newest.UTC().Format(time.RFC3339), m.Format)
	if m.ServerVersion != "" {
		fmt.Fprintf(b, " of %s %s", m.Engine, text.Clean(m.ServerVersion))
	}
	if layers := f.Layers; len(layers) > 0 {
		fmt.Fprintf(b, " in %s", strings.Join(layers, " in "))
	}
	b.WriteString("\n")
	if f.Sidecars {
		b.WriteString("  # checksum files lie beside them and are compared\n")
	}
	fmt.Fprintf(b, "  %s:\n    source: %s\n    match: %s\n", strconv.Quote(f.name), source, strconv.Quote(f.Pattern))
	f.writeObjectives(b)
	fmt.Fprintf(b, "    sandbox: {disk: %s}\n", f.disk())
	b.WriteString("    checks: [] # add what must be true of your data, such as:\n" +
		"    #  - rows: {table: public.orders, min: 1000}\n" +
		"    #  - fresh: {table: public.orders, column: created_at, within: 26h}\n")
}

// writeObjectives proposes a recovery point objective from the rhythm of the backups:
// one missed backup is noticed, one that is a little late is not.
func (f foundSeries) writeObjectives(b *strings.Builder) {
	rhythm := f.Rhythm()
	if rhythm == 0 {
		b.WriteString("    # Too few backups to see their rhythm. How old may the newest be?\n    # objectives: {rpo: 26h, rto: 1h}\n")
		return
	}
	hours := math.Round(rhythm.Hours())
	rpo := time.Duration(max(1, hours)+max(1, math.Ceil(hours/12))) * time.Hour
	fmt.Fprintf(b, "    objectives: {rpo: %dh} # a backup was made about every %s\n", int(rpo.Hours()), units.Duration(rhythm))
	at := f.Newest.UTC().Add(time.Hour)
	if rhythm >= 20*time.Hour {
		fmt.Fprintf(b, "    schedule: \"%d %d * * *\" # an hour after the newest one was made, UTC\n", at.Minute(), at.Hour())
	}
}

// disk proposes twice the estimate, in whole GiB, so that the database may grow.
func (f foundSeries) disk() string {
	gib := (2*f.Needs.Disk(f.Artifact.Bytes()) + 1<<30 - 1) >> 30
	return fmt.Sprintf("%dGiB", max(2, gib))
}

// writeProblem says why a series is not proposed.
func (f foundSeries) writeProblem(b *strings.Builder) {
	fmt.Fprintf(b, "\n  # Not proposed: %s like %s\n", units.Counted(int64(f.Count), "object"), text.Clean(f.Example))
	fmt.Fprintf(b, "  #   %s\n", text.Clean(f.err.Error()))
	if errors.Is(f.err, storage.ErrKeyMissing) {
		fmt.Fprintf(b, "  # They are encrypted. With the key at hand, this is their target:\n"+
			"  # %s:\n  #   source: bucket-or-folder-above\n  #   match: %s\n"+
			"  #   decrypt: {age: {identity: \"${file:/run/secrets/age.key}\"}} # or openpgp, openssl\n",
			strconv.Quote(f.name), strconv.Quote(f.Pattern))
	}
}

// absolute is a folder's whole path: the proposal may be used from elsewhere.
func absolute(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find the whole path of %s: %w", path, err)
	}
	return abs, nil
}
