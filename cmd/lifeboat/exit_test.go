package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// The codes are public: the constants, the help and the README tell the same.
func TestExitCodesAreWhatTheHelpAndTheReadmeSay(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	help := regexp.MustCompile(`(?m)^  (\d+) +(.+)$`).FindAllStringSubmatch(exitHelp, -1)
	table := regexp.MustCompile(`(?m)^\| (\d+) \| (.+) \|$`).FindAllStringSubmatch(string(readme), -1)
	var inHelp, inReadme, codes []string
	for _, m := range help {
		inHelp, codes = append(inHelp, m[1]+" "+m[2]), append(codes, m[1])
	}
	for _, m := range table {
		inReadme = append(inReadme, m[1]+" "+m[2])
	}
	if !slices.Equal(inHelp, inReadme) {
		t.Errorf("the help says %q, the README %q", inHelp, inReadme)
	}
	var want []string
	for _, code := range []int{exitGood, exitFailed, exitErrored, exitUsage, exitInterrupted} {
		want = append(want, fmt.Sprint(code))
	}
	if !slices.Equal(codes, want) {
		t.Errorf("the help lists %q, the constants are %q", codes, want)
	}
}

// A file that init wrote is for its owner alone, and the image runs as somebody else.
func TestAConfigurationThatMayNotBeReadSaysWhoReadsIt(t *testing.T) {
	err := unread(fmt.Errorf("read configuration: %w", &os.PathError{Op: "open", Path: "lifeboat.yaml", Err: syscall.EACCES}))
	if want := fmt.Sprintf("\nLifeboat runs as user %d here: let that user read the file", os.Getuid()); !strings.HasSuffix(err.Error(), want) {
		t.Errorf("mistake = %q, want at its end %q", err, want)
	}
}
