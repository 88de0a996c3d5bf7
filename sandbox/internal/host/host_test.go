package host

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMemoryLimitOfAContainer(t *testing.T) {
	for name, c := range map[string]struct {
		files       map[string]string
		limit, used int64
		ok          bool
	}{
		"version 2":           {map[string]string{"memory.max": "1000\n", "memory.current": "300\n"}, 1000, 300, true},
		"version 2, no limit": {map[string]string{"memory.max": "max\n", "memory.current": "300\n"}, 0, 0, false},
		"version 1": {map[string]string{"memory/memory.limit_in_bytes": "2000\n", "memory/memory.usage_in_bytes": "5\n"},
			2000, 5, true},
		"none": {nil, 0, 0, false},
	} {
		root := t.TempDir()
		for file, text := range c.files {
			path := filepath.Join(root, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if limit, used, ok := memoryLimit(root); limit != c.limit || used != c.used || ok != c.ok {
			t.Errorf("%s: %d, %d, %v", name, limit, used, ok)
		}
	}
}

func TestRoomOfThisMachine(t *testing.T) {
	r, err := Room(t.Context(), t.TempDir())
	if err != nil || r.CPUs < 1 || r.Memory <= 0 || r.FreeMemory > r.Memory || r.FreeDisk <= 0 || r.Detail == "" {
		t.Errorf("Room = %+v, %v", r, err)
	}
	if _, err := Room(t.Context(), "/no/such/place"); err == nil {
		t.Error("a disk that is not there has room")
	}
}
