package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every command in the README is run by a script, word for word, and every make target exists.
func TestReadmeCommandsAreRun(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	makefile, err := os.ReadFile("../../Makefile")
	require.NoError(t, err)
	run := map[string]bool{}
	files, err := filepath.Glob("testdata/script/*.txtar")
	require.NoError(t, err)
	for _, f := range files {
		script, err := os.ReadFile(f)
		require.NoError(t, err)
		for line := range strings.Lines(string(script)) {
			words := strings.Fields(strings.TrimSuffix(strings.TrimSpace(line), "&"))
			for len(words) > 0 && words[0] != "becomingone" {
				words = words[1:] // exec, or exits and its code
			}
			run[strings.Join(words, " ")] = true
		}
	}
	commands := 0
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(readme), -1) {
		for line := range strings.Lines(block[1]) {
			command, _, _ := strings.Cut(line, " #")
			words := strings.Fields(command)
			switch {
			case len(words) == 0:
				continue
			case words[0] == "make":
				require.Regexp(t, `(?m)^`+words[1]+`:`, string(makefile), command)
			case words[0] == "cd":
				continue
			case words[0] == "bin/becomingone", words[0] == "becomingone":
				words[0] = "becomingone"
				require.Contains(t, run, strings.Join(words, " "), "no script runs %q", command)
			default:
				t.Errorf("README command %q: neither make nor bin/becomingone", command)
			}
			commands++
		}
	}
	require.Greater(t, commands, 5)
	for _, link := range regexp.MustCompile(`\]\(([^):]+)\)`).FindAllStringSubmatch(string(readme), -1) {
		_, err := os.Stat(filepath.Join("../..", link[1]))
		require.NoError(t, err, "a dead link")
	}
	for _, inline := range regexp.MustCompile("`becomingone ([a-z]+)[^`]*`").FindAllStringSubmatch(string(readme), -1) {
		require.Contains(t, strings.Join(keys(run), "\n"), "becomingone "+inline[1], "no script runs %s", inline[0])
	}
}

func keys(m map[string]bool) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	return all
}
