package text

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"lifeboat/internal/units"
	"lifeboat/verify"
)

const (
	label     = 10 // columns of the labels at the left
	maxTables = 20 // tables shown of a report
)

// page collects the lines of a report.
type page struct {
	strings.Builder
	o Options
}

// Report is one drill in full.
func Report(r verify.Report, o Options) string {
	p := &page{o: o}
	p.field("Drill", r.Drill+" of "+r.Target+", begun "+r.Started.UTC().Format("2006-01-02 15:04:05")+" UTC")
	p.backup(r)
	p.dump(r.Manifest)
	p.sandbox(r.Sandbox)
	p.restore(r.Restore)
	p.phases(r.Phases)
	p.candidates(r)
	p.checks(r.Results)
	p.tables(r.Tables)
	p.notChecked(r.NotChecked)
	p.closing(r)
	return p.String()
}

// field writes a labelled paragraph. An empty text writes nothing.
func (p *page) field(name, text string) {
	for i, l := range wrap(Clean(text), p.o.width()-label) {
		if i > 0 {
			name = ""
		}
		p.WriteString(pad(name, label, false) + l + "\n")
	}
}

func (p *page) backup(r verify.Report) {
	a := r.Artifact
	if a == nil {
		p.field("Backup", "none")
		return
	}
	p.field("Backup", a.Source+": "+a.Key)
	line := units.Bytes(a.Bytes) + " in " + units.Counted(int64(a.Objects), "object")
	if !a.MadeAt.IsZero() {
		line += fmt.Sprintf(", made %s UTC (%s ago; read from its %s)",
			a.MadeAt.UTC().Format("2006-01-02 15:04"), p.o.age(a.MadeAt, r.Finished), a.MadeAtFrom)
	}
	if a.Version != "" {
		line += ", version " + a.Version
	}
	if len(a.Layers) > 0 {
		line += ", inside " + strings.Join(a.Layers, " and ")
	}
	p.field("", line)
	p.field("SHA-256", a.SHA256)
}

func (p *page) dump(m *verify.Manifest) {
	if m == nil {
		return
	}
	parts := []string{m.Format}
	for _, kv := range [][2]string{
		{"database", m.Database}, {"server", m.ServerVersion}, {"made with", m.ToolVersion}, {"compression", m.Compression},
	} {
		if kv[1] != "" {
			parts = append(parts, kv[0]+" "+kv[1])
		}
	}
	if m.Objects > 0 {
		parts = append(parts, units.Counted(int64(m.Objects), "object"))
	}
	if m.Bytes > 0 {
		parts = append(parts, units.Bytes(m.Bytes)+" once opened")
	}
	if len(m.Extensions) > 0 {
		parts = append(parts, "extensions "+strings.Join(m.Extensions, " "))
	}
	p.field("Dump", strings.Join(parts, ", "))
}

// digest is that of an image; its beginning is enough to tell it from others.
var digest = regexp.MustCompile(`(sha256:[0-9a-f]{12})[0-9a-f]{52}`)

func (p *page) sandbox(s *verify.Sandbox) {
	if s == nil {
		return
	}
	line := s.Runner
	if s.Image != "" {
		line += " " + digest.ReplaceAllString(s.Image, "$1")
	}
	held := 0
	for _, probe := range s.Probes {
		if probe.OK {
			held++
		}
	}
	switch {
	case s.Isolated:
		line += ", isolated"
	case len(s.Probes) == 0: // the drill ended before
		line += ", isolation not probed"
	default:
		line += ", NOT ISOLATED"
	}
	if n := len(s.Probes); n > 0 {
		line += fmt.Sprintf(" (%d of %d probes held)", held, n)
	}
	if use := Use(*s); use != "" {
		line += "; " + use
	}
	p.field("Sandbox", line)
	for _, probe := range s.Probes {
		if !probe.OK {
			p.field("", "did not hold: "+probe.Name+": "+probe.Detail)
		}
	}
	if s.KeptUntil != nil {
		line := "kept until " + s.KeptUntil.UTC().Format("2006-01-02 15:04") + " UTC"
		if s.Enter != "" {
			line += "; look inside with: " + s.Enter
		}
		p.field("", line)
	}
}

// Use says what a sandbox used at most, of what was measured. Memory and processor time of one
// in Lifeboat's own process are not, and nothing is of one that was gone too soon.
func Use(s verify.Sandbox) string {
	var parts []string
	if s.PeakMemory > 0 {
		parts = append(parts, "peak memory "+units.Bytes(s.PeakMemory))
	}
	if s.PeakDisk > 0 {
		parts = append(parts, "peak disk "+units.Bytes(s.PeakDisk))
	}
	if s.CPUSeconds > 0 {
		parts = append(parts, fmt.Sprintf("CPU %.1fs", s.CPUSeconds))
	}
	return strings.Join(parts, ", ")
}

func (p *page) restore(r *verify.Restore) {
	if r == nil || r.Tool == "" {
		return
	}
	line := fmt.Sprintf("%s, exit %d", r.Tool, r.Exit)
	classes := make([]string, 0, len(r.Errors))
	for class, n := range r.Errors {
		classes = append(classes, fmt.Sprintf("%d %s", n, class))
	}
	slices.Sort(classes)
	if len(classes) > 0 {
		line += ", errors: " + strings.Join(classes, ", ")
	}
	if len(r.RolesCreated) > 0 {
		line += ", roles created: " + strings.Join(r.RolesCreated, " ")
	}
	p.field("Restore", line)
}

func (p *page) phases(phases []verify.Phase) {
	parts := make([]string, 0, len(phases))
	for _, ph := range phases {
		part := fmt.Sprintf("%s %s", ph.Name, units.Duration(seconds(ph.Seconds)))
		if ph.Bytes > 0 {
			part += " (" + units.Bytes(ph.Bytes) + ")"
		}
		parts = append(parts, part)
	}
	p.field("Phases", strings.Join(parts, ", "))
}

// candidates are shown where none was taken, or newer ones were passed over.
func (p *page) candidates(r verify.Report) {
	const most = 5
	shown := 0
	for _, c := range r.Candidates {
		if c.Reason == "" {
			break
		}
		if shown++; shown > most {
			p.field("", units.Counted(int64(len(r.Candidates)-most), "more candidate"))
			break
		}
		p.field("Not taken", c.Key+": "+c.Reason)
	}
}

func (p *page) notChecked(list []string) {
	if len(list) == 0 {
		return
	}
	const most = 15
	p.WriteString("\nNot checked\n")
	for i, s := range list {
		if i == most {
			p.paragraph(fmt.Sprintf("and %d more", len(list)-most), 2)
			break
		}
		p.paragraph(s, 2)
	}
}

// tables shows the largest ones.
func (p *page) tables(all []verify.Table) {
	if len(all) == 0 {
		return
	}
	tables := slices.Clone(all)
	slices.SortStableFunc(tables, func(a, b verify.Table) int { return cmp.Compare(b.Rows, a.Rows) })
	rows := make([]Row, 0, maxTables)
	for _, t := range tables[:min(len(tables), maxTables)] {
		dumped := "not counted"
		if t.DumpRows != nil {
			dumped = units.Count(*t.DumpRows)
		}
		rows = append(rows, Row{Cells: []string{t.Table.String(), units.Count(t.Rows), dumped}})
	}
	p.WriteString("\n" + Grid([]Column{
		{Title: "TABLE", Flex: true}, {Title: "ROWS", Right: true}, {Title: "IN THE DUMP", Right: true},
	}, rows, p.o))
	if n := len(tables) - maxTables; n > 0 {
		p.WriteString("and " + units.Counted(int64(n), "smaller table") + "\n")
	}
}

// closing is the verdict in one line, for the eye that looks at the end first.
func (p *page) closing(r verify.Report) {
	who, word := Clean(r.Target)+": ", Word(r.Verdict)
	line := fmt.Sprintf("%s%s in %s: %s", who, word, units.Duration(r.Finished.Sub(r.Started)), verify.Summary(r))
	// What follows the first line is indented: no name can look like a closing line.
	text := strings.Join(wrap(Clean(line), p.o.width()-gap), "\n"+strings.Repeat(" ", gap))
	if rest, ok := strings.CutPrefix(text, who+word); ok {
		text = who + p.o.paint(r.Verdict, word) + rest
	}
	p.WriteString("\n" + text + "\n")
}
