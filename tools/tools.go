//go:build tools

// Package tools pins the programs the tests and checks run. They live in a module
// of their own, so that the product's dependencies stay its own.
package tools

import (
	_ "github.com/versity/versitygw/cmd/versitygw"
	_ "honnef.co/go/tools/cmd/staticcheck"
)
