package main

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// commandLine is one in the documentation, without its remark.
var commandLine = regexp.MustCompile("(?m)^ *(?:\\./)?lifeboat ([^#\n|`]*)")

// TestEveryCommandOfTheDocumentationExists reads them as the program does, flags included.
func TestEveryCommandOfTheDocumentationExists(t *testing.T) {
	for path, least := range map[string]int{"../../README.md": 12, "../../docs/operating.md": 4} {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var found [][]string
		for _, block := range strings.Split(string(content), "```sh\n")[1:] {
			shell, _, _ := strings.Cut(block, "```")
			found = append(found, commandLine.FindAllStringSubmatch(shell, -1)...)
		}
		if len(found) < least {
			t.Errorf("%s: %d commands were found, want at least %d", path, len(found), least)
		}
		for _, line := range found {
			root := (&shell{stdout: io.Discard, stderr: io.Discard, now: time.Now}).root()
			args := strings.Fields(line[1])
			command, rest, err := root.Find(args)
			if err == nil && command == root {
				err = command.ValidateArgs(rest)
			}
			if err == nil {
				err = command.ParseFlags(rest)
			}
			if err == nil {
				err = command.ValidateArgs(command.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: lifeboat %s: %v", path, line[1], err)
			}
		}
	}
}
