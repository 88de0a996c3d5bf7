package sqltext

import "bytes"

// CopyRows counts the rows of COPY text as it passes, in pieces of any size. COPY
// escapes line ends and backslashes inside values, so every line before the closing
// line `\.` is one row.
type CopyRows struct {
	Rows int64
	Done bool // the closing line was seen
	at   int  // progress in the current line, one of the constants below
}

// Where in a line the count stands.
const (
	lineStart  = iota // nothing of it was seen
	afterSlash        // `\`
	afterDot          // `\.`
	afterCR           // `\.` and a carriage return
	inRow             // it is a row
)

// Feed counts b and returns how many of its bytes belong to the COPY data, which are
// all of them until the closing line has passed.
func (c *CopyRows) Feed(b []byte) int {
	n := 0
	for n < len(b) && !c.Done {
		if c.at != inRow {
			c.step(b[n])
			n++
			continue
		}
		n += c.bulk(b[n:])
	}
	return n
}

// step advances by one byte near the beginning of a line.
func (c *CopyRows) step(b byte) {
	switch {
	case b == '\n' && (c.at == afterDot || c.at == afterCR):
		c.Done = true
	case b == '\n':
		c.Rows++
		c.at = lineStart
	case c.at == lineStart && b == '\\':
		c.at = afterSlash
	case c.at == afterSlash && b == '.':
		c.at = afterDot
	case c.at == afterDot && b == '\r':
		c.at = afterCR
	default:
		c.at = inRow
	}
}

var closing = []byte("\n\\.")

// bulk counts whole lines up to a possible closing line or the end of b.
func (c *CopyRows) bulk(b []byte) int {
	newline := []byte{'\n'}
	if i := bytes.Index(b, closing); i >= 0 {
		c.Rows += int64(bytes.Count(b[:i+1], newline))
		c.at = lineStart
		return i + 1
	}
	c.Rows += int64(bytes.Count(b, newline))
	switch {
	case b[len(b)-1] == '\n':
		c.at = lineStart
	case bytes.HasSuffix(b, closing[:2]):
		c.at = afterSlash
	}
	return len(b)
}
