package main

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
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
	prefix     string // the folder asked for, which names of targets leave out
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
	base := targetName(strings.TrimPrefix(s.Pattern, strings.TrimSuffix(p.prefix, "/")+"/"))
	name := base
	for n := 2; p.has(name); n++ {
		name = base + "-" + strconv.Itoa(n)
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
	wordParts = regexp.MustCompile(`[^A-Za-z0-9]+`)
	suffixes  = regexp.MustCompile(`(?i)\.(dump|sql|db|sqlite3?|tar|gz|zst|xz|lz4|bz2|age|gpg|pgp|enc|asc|bak|backup)\b`)
)

// maxTargetName leaves a number room behind the name: a configuration takes 63.
const maxTargetName = 56

// targetName makes a short name from a pattern: "pg/orders/orders-{time:...}.dump.zst" is
// "pg-orders". The end of a long one tells more than its beginning.
func targetName(pattern string) string {
	name := suffixes.ReplaceAllString(openParts.ReplaceAllString(pattern, ""), "")
	words := strings.Fields(wordParts.ReplaceAllString(strings.ToLower(name), " "))
	name = strings.Join(slices.Compact(words), "-")
	name = strings.TrimLeft(name[max(0, len(name)-maxTargetName):], "-")
	if name == "" {
		return "backups"
	}
	return name
}

// yaml writes the configuration. What cannot be drilled is left as a comment that
// says why and what to do.
func (p *proposal) yaml() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Proposed by lifeboat init on %s, from %s below %s.\n",
		p.now.UTC().Format(time.DateOnly), units.Counted(int64(p.listed), "object"), text.Clean(p.location))
	b.WriteString("# Every line is yours to change; docs/configuration.md explains all of them.\n\nsources:\n")
	p.writeSource(&b)
	b.WriteString("\ntargets:")
	for _, f := range p.found {
		if f.err == nil {
			b.WriteString("\n")
			f.writeTarget(&b, p.sourceName)
		}
	}
	for _, f := range p.found {
		if f.err != nil {
			f.writeProblem(&b, p.sourceName)
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
	b.WriteString("    schedule: " + f.schedule(rhythm) + "\n")
}

// schedule proposes when to drill: an hour after a backup of every day or week was
// made, once a day where there are more of them, and each of the rare ones.
func (f foundSeries) schedule(rhythm time.Duration) string {
	const day = 24 * time.Hour
	at := f.Newest.UTC().Add(time.Hour)
	switch {
	case rhythm < 20*time.Hour:
		return `"@daily" # the newest one of the day, UTC`
	case rhythm < 6*day:
		return fmt.Sprintf(`"%d %d * * *" # an hour after the newest one was made, UTC`, at.Minute(), at.Hour())
	case rhythm < 8*day:
		return fmt.Sprintf(`"%d %d * * %d" # an hour after the newest one was made, on %ss, UTC`,
			at.Minute(), at.Hour(), at.Weekday(), at.Weekday())
	}
	return "on-new-backup"
}

// disk proposes twice the estimate, in whole GiB, so that the database may grow.
func (f foundSeries) disk() string {
	gib := (2*f.Needs.Disk(f.Artifact.Bytes()) + 1<<30 - 1) >> 30
	return fmt.Sprintf("%dGiB", max(2, gib))
}

// encrypted reports whether nothing but a key is missing.
func (f foundSeries) encrypted() bool { return errors.Is(f.err, storage.ErrKeyMissing) }

// encrypted is how many series can be drilled as soon as they have their keys.
func (p *proposal) encrypted() int {
	n := 0
	for _, f := range p.found {
		if f.encrypted() {
			n++
		}
	}
	return n
}

// writeProblem says why a series is not proposed.
func (f foundSeries) writeProblem(b *strings.Builder, source string) {
	fmt.Fprintf(b, "\n  # Not proposed: %s like %s\n", units.Counted(int64(f.Count), "object"), text.Clean(f.Example))
	fmt.Fprintf(b, "  #   %s\n", text.Clean(f.err.Error()))
	if f.encrypted() {
		fmt.Fprintf(b, "  # With the key at hand, this is their target, once the \"# \" before its lines is gone:\n"+
			"  # %s:\n  #   source: %s\n  #   match: %s\n  #   decrypt: %s\n",
			strconv.Quote(f.name), source, strconv.Quote(f.Pattern), f.decrypt())
	}
}

// decrypt is an example of the key that the message in the way asks for.
func (f foundSeries) decrypt() string {
	for _, key := range []struct{ field, example string }{
		{"decrypt.age.identity", `{age: {identity: "${file:/run/secrets/age.key}"}}`},
		{"decrypt.age.passphrase", `{age: {passphrase: "${env:BACKUP_PASSPHRASE}"}}`},
		{"decrypt.openpgp.passphrase", `{openpgp: {passphrase: "${env:BACKUP_PASSPHRASE}"}}`},
		{"decrypt.openpgp.key", `{openpgp: {key: "${file:/run/secrets/backup.asc}"}}`},
	} {
		if strings.Contains(f.err.Error(), key.field) {
			return key.example
		}
	}
	return `{openssl: {password: "${env:BACKUP_PASSWORD}"}} # and what else openssl enc was given`
}

// absolute is a folder's whole path: the proposal may be used from elsewhere.
func absolute(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find the whole path of %s: %w", path, err)
	}
	return abs, nil
}
