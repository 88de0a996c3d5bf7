//go:build !race

package metrics_test

const slower = 1
