package configs

import "time"

// Kinds of configured checks.
const (
	CheckRows  = "rows"
	CheckFresh = "fresh"
	CheckQuery = "query"
)

// CheckConfig is one configured check. Kind says which of the others is set.
type CheckConfig struct {
	Kind  string `yaml:"-"`
	Rows  *Rows  `yaml:"rows" doc:"How many rows a table must have."`
	Fresh *Fresh `yaml:"fresh" doc:"How new the newest row of a table must be."`
	Query *Query `yaml:"query" doc:"What a query must return."`
}

// setKind makes CheckConfig a mapping with exactly one key.
func (c *CheckConfig) setKind(kind string) { c.Kind = kind }

// Rows bounds the rows of a table. Min, Max and Exact are nil when not set.
type Rows struct {
	Table string `yaml:"table" need:"yes" is:"table" doc:"Table, with its schema where there are schemas."`
	Min   *int64 `yaml:"min" min:"0" doc:"At least so many rows."`
	Max   *int64 `yaml:"max" min:"0" doc:"At most so many rows."`
	Exact *int64 `yaml:"exact" min:"0" doc:"Exactly so many rows; not together with min or max."`
}

// Fresh bounds the age of the newest value of a column of times.
type Fresh struct {
	Table  string        `yaml:"table" need:"yes" is:"table" doc:"Table, with its schema where there are schemas."`
	Column string        `yaml:"column" need:"yes" doc:"Column with the time of a row."`
	Within time.Duration `yaml:"within" need:"yes" min:"1s" doc:"How long before the drill the newest row may have been written."`
}

// Query is a read-only statement whose first value must be Expect or match Pattern.
type Query struct {
	Name    string        `yaml:"name" need:"yes" is:"line" doc:"What is asked, in words; the report calls it so."`
	SQL     string        `yaml:"sql" need:"yes" doc:"One read-only statement. The first column of its first row is the answer."`
	Expect  *string       `yaml:"expect" doc:"The answer as text."`
	Pattern string        `yaml:"pattern" is:"pattern" doc:"Regular expression the answer must match, instead of expect."`
	Timeout time.Duration `yaml:"timeout" default:"1m" min:"1s" max:"24h" doc:"How long it may take."`
}
