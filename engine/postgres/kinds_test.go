package postgres

import (
	"slices"
	"strings"
	"testing"
)

// A kind that only one of the two sides knows would be missing in every restore, or in
// none.
func TestManifestAndInventoryUseTheSameKinds(t *testing.T) {
	inventory := inventoryFor(18)
	for _, kind := range objectKinds {
		if !strings.Contains(inventory, "'"+kind+"'") {
			t.Errorf("the inventory lists no %s", kind)
		}
	}
	for name, d := range goldens(t) {
		got, err := read(t.Context(), d)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, o := range got.Manifest.Objects {
			if !slices.Contains(objectKinds, o.Kind) {
				t.Errorf("%s: %s is of kind %q", name, o.Table, o.Kind)
			}
		}
	}
}
