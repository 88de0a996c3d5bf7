package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
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
