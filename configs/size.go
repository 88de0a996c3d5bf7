package configs

import "lifeboat/internal/units"

// Size is a number of bytes, written with its unit: 4GiB.
type Size int64

// String writes the size with its unit.
func (s Size) String() string { return units.Bytes(int64(s)) }
