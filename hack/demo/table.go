// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

// keptOfID is how much of a long random name is shown.
const keptOfID = 8

// columnTitle matches the titles of kubectl's columns, which are at least two spaces apart.
var columnTitle = regexp.MustCompile(`\S+( \S+)*`)

// longName matches UUIDs and hashes, whose first characters are enough for people.
var longName = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[a-z2-7]{52}`)

func abbreviate(text string) string {
	return longName.ReplaceAllStringFunc(text, func(id string) string { return id[:keptOfID] + "…" })
}

// run executes kubectl and returns what it prints, whichever stream it prints it to.
func run(ctx context.Context, kubectl, kubeconfig string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, kubectl, append([]string{"--kubeconfig=" + kubeconfig}, args...)...)
	output, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), errors.Join(ctx.Err(), err), bytes.TrimSpace(output))
	}
	return string(output), nil
}

// narrow returns a table of kubectl with long names abbreviated and the columns moved together.
func narrow(table string) []string {
	lines := strings.Split(strings.TrimRight(table, "\n"), "\n")
	starts := columnTitle.FindAllStringIndex(lines[0], -1)
	rows := make([][]string, len(lines))
	widths := make([]int, len(starts))
	for i, line := range lines {
		for column := range starts {
			cell := abbreviate(cellOf(line, starts, column))
			rows[i] = append(rows[i], cell)
			widths[column] = max(widths[column], len([]rune(cell)))
		}
	}
	narrowed := make([]string, 0, len(rows))
	for _, row := range rows {
		var b strings.Builder
		for column, cell := range row {
			b.WriteString(cell + strings.Repeat(" ", widths[column]-len([]rune(cell))+2))
		}
		narrowed = append(narrowed, strings.TrimRight(b.String(), " "))
	}
	return narrowed
}

// cellOf cuts a cell out of a line. kubectl aligns by characters of one byte here: names of this demo are ASCII.
func cellOf(line string, starts [][]int, column int) string {
	from := min(starts[column][0], len(line))
	to := len(line)
	if column+1 < len(starts) {
		to = min(starts[column+1][0], len(line))
	}
	return strings.TrimSpace(line[from:to])
}
