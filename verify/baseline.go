package verify

import "slices"

// Bounds of what counts as a loss against earlier drills.
const (
	// FewRows is the count below which a table's rows come and go without meaning.
	FewRows = 10
	// ManyRows is the count from which an emptied table is a failure, and one that lost more than
	// half of its rows is worth a warning.
	ManyRows = 100
	// Learned is how many earlier drills a size is compared with at least.
	Learned = 3
)

// LeastRows is the smallest number of rows of a table that passes for no loss: that of the
// last good drill, less what is an everyday event, or what any earlier one found if that is fewer.
func (b Baseline) LeastRows(table string) int64 {
	if len(b.Drills) == 0 {
		return 0
	}
	was, least := b.Drills[0].Tables[table], int64(0)
	switch {
	case was >= ManyRows:
		least = was - was/2 // half of it, rounded up
	case was >= FewRows:
		least = 1
	}
	for _, p := range b.Drills {
		if n, ok := p.Tables[table]; ok {
			least = min(least, n)
		}
	}
	return least
}

// UsualBytes is the median of the sizes of earlier backups; it reports false while too
// few are known.
func (b Baseline) UsualBytes() (int64, bool) {
	if len(b.Drills) < Learned {
		return 0, false
	}
	sizes := make([]int64, 0, len(b.Drills))
	for _, p := range b.Drills {
		sizes = append(sizes, p.Bytes)
	}
	slices.Sort(sizes)
	return sizes[len(sizes)/2], true
}

// LeastBytes is the smallest size of a backup that passes for no shrinking: a purge of old
// rows is an everyday event, a third of what is usual is not. 0 while too few are known.
func (b Baseline) LeastBytes() int64 {
	usual, _ := b.UsualBytes()
	return usual / 2
}
