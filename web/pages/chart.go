package pages

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifeboat/history"
	"lifeboat/internal/units"
	"lifeboat/verify"
)

const (
	chartWidth  = 600
	chartHeight = 120
	chartDrills = 60
	chartTables = 6
)

// chart is one measure of a target over its drills. Labels stand outside of the drawing, so
// that it can be stretched to any width without stretching letters.
type chart struct {
	Title, Caption string
	Top            string // what the upper edge stands for; the lower is zero
	From, To       string
	Line           string // path
	Dots           []dot
	Limit          string // y of the line above which it is too much; empty when none is near
	Floor          int    // y below which a drill would not pass; 0 when none applies
	FloorHeight    int
	Rows           []chartRow // the same as a table, newest first
	Unit           string
}

type dot struct {
	X, Y         float64
	Class, Title string
	Drill        string
	HitX, HitW   float64
}

type chartRow struct {
	Drill   string
	At      stamp
	Verdict verify.Verdict
	Value   string
}

// sample is one value of a measure.
type sample struct {
	point history.Point
	value float64
}

// measureOf is how a chart reads and writes its values.
type measureOf struct {
	title, unit string
	below       string // what a drill says of a value below the floor
	read        func(history.Point) (float64, bool)
	write       func(float64) string
	limit       float64 // a line above which it is too much; 0: none
	limitWord   string
	floor       float64 // below which a drill would not pass; 0: none
}

// charts draws what the last drills of a target measured.
func (c clock) charts(points []history.Point, rto time.Duration, base verify.Baseline) []chart {
	list := []measureOf{{
		title: "Restore time", unit: "restore time", limit: rto.Seconds(), limitWord: "RTO",
		read:  func(p history.Point) (float64, bool) { return p.Restore.Seconds(), p.Restore > 0 },
		write: func(v float64) string { return units.Duration(time.Duration(v * float64(time.Second))) },
	}, {
		title: "Backup size", unit: "size", below: "it counts as shrunk", floor: float64(base.LeastBytes()),
		read:  func(p history.Point) (float64, bool) { return float64(p.Bytes), p.Bytes > 0 },
		write: func(v float64) string { return units.Bytes(int64(v)) },
	}}
	for _, table := range largest(points) {
		list = append(list, measureOf{
			title: table, unit: "rows", below: "rows count as lost", floor: float64(base.LeastRows(table)),
			read:  func(p history.Point) (float64, bool) { n, ok := p.Rows[table]; return float64(n), ok },
			write: func(v float64) string { return units.Count(int64(v)) },
		})
	}
	var out []chart
	for _, m := range list {
		if ch, ok := c.chart(points, m); ok {
			out = append(out, ch)
		}
	}
	return out
}

// largest are the tables with the most rows in the newest drill that counted any.
func largest(points []history.Point) []string {
	for _, p := range slices.Backward(points) {
		if len(p.Rows) == 0 {
			continue
		}
		names := make([]string, 0, len(p.Rows))
		for name := range p.Rows {
			names = append(names, name)
		}
		slices.SortFunc(names, func(a, b string) int {
			return cmp.Or(cmp.Compare(p.Rows[b], p.Rows[a]), cmp.Compare(a, b))
		})
		return names[:min(len(names), chartTables)]
	}
	return nil
}

func (c clock) chart(points []history.Point, m measureOf) (chart, bool) {
	var samples []sample
	top := m.floor
	for _, p := range points {
		if v, ok := m.read(p); ok {
			samples = append(samples, sample{p, v})
			top = max(top, v)
		}
	}
	if len(samples) == 0 {
		return chart{}, false
	}
	// A limit far above all values would press them to the ground.
	near := m.limit > 0 && m.limit <= 3*top
	if near {
		top = max(top, m.limit)
	}
	top = max(top, 1e-9)
	ch := chart{
		Title: m.title, Unit: m.unit, Top: m.write(top),
		From: day(samples[0].point.Finished), To: day(samples[len(samples)-1].point.Finished),
	}
	y := func(v float64) float64 { return chartHeight * (1 - v/top) }
	step := float64(chartWidth) / float64(len(samples))
	var line strings.Builder
	for i, s := range samples {
		x := (float64(i) + 0.5) * step
		fmt.Fprintf(&line, "%s%.1f %.1f", map[bool]string{true: "M", false: "L"}[i == 0], x, y(s.value))
		ch.Dots = append(ch.Dots, dot{
			X: x, Y: y(s.value), Class: s.point.Verdict.String(), Drill: s.point.Drill, HitX: float64(i) * step, HitW: step,
			Title: m.write(s.value) + ", " + s.point.Verdict.String() + ", " + c.At(s.point.Finished).Full,
		})
	}
	for _, s := range slices.Backward(samples) {
		ch.Rows = append(ch.Rows, chartRow{s.point.Drill, c.At(s.point.Finished), s.point.Verdict, m.write(s.value)})
	}
	ch.Line = line.String()
	if near {
		ch.Limit = fmt.Sprintf("%.1f", y(m.limit))
	}
	if m.floor > 0 {
		ch.Floor = int(y(m.floor))
		ch.FloorHeight = chartHeight - ch.Floor
	}
	ch.Caption = m.caption(samples)
	return ch, true
}

// caption tells what the drawing shows to those who do not see it.
func (m measureOf) caption(samples []sample) string {
	least, most := samples[0].value, samples[0].value
	for _, s := range samples {
		least, most = min(least, s.value), max(most, s.value)
	}
	words := "Last " + m.write(samples[len(samples)-1].value)
	if m.unit == "rows" {
		words += " rows"
	}
	if len(samples) > 1 && least != most {
		words += fmt.Sprintf("; %s to %s in %s", m.write(least), m.write(most), units.Counted(int64(len(samples)), "drill"))
	}
	if m.limit > 0 {
		words += "; " + m.limitWord + " " + m.write(m.limit)
	}
	if m.floor > 0 {
		words += "; below " + m.write(m.floor) + " " + m.below
	}
	return words + "."
}

func day(t time.Time) string { return t.UTC().Format("2 Jan") }
