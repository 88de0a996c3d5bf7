//go:build race

package metrics_test

// slower is how much longer things may take where every access to memory is checked.
const slower = 15
