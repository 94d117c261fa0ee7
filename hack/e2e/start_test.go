// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/scim-operator/scim-operator/hack/stack"
)

// fewCommands is what the page promises: fewer than ten.
const fewCommands = 9

// TestStart follows the start page, and nothing else, on a control plane on which nothing is installed: its own commands install the chart, declare,
// create the first user, and show the account. There is no kubelet, so both programs run as processes with the flags of the Deployments that
// were installed, and there is nothing to forward a port to.
func TestStart(t *testing.T) {
	blocks := shellBlocks(t, "docs/start.md")
	if n := commandsIn(blocks); n != fewCommands {
		t.Errorf("the page has %d commands, want %d", n, fewCommands)
	}
	s := ownStack(t, stack.Options{ControllerManager: true, Install: func(ctx context.Context, s *stack.Stack) error {
		return follow(t, s, blocks[0])
	}})
	if err := follow(t, s, strings.Join(blocks[1:3], "")); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(ctx context.Context) error {
		output, err := s.Run(ctx, s.Root(), blocks[3])
		if err == nil && (!strings.Contains(output, "ada@example.com") || !strings.Contains(output, "InSync")) {
			err = errors.New(output)
		}
		return err
	})
	if may, err := s.MayReadPods(t.Context(), "ada@example.com", "demo"); err != nil || !may {
		t.Errorf("Ada may look at the pods of demo: %t, %v", may, err)
	}
}

// follow runs commands where the page says they are run, against the addresses of this stack.
func follow(t *testing.T, s *stack.Stack, commands string) error {
	commands = strings.ReplaceAll(commands, "http://127.0.0.1:8080", s.PublicURL())
	commands = strings.Join(slices.DeleteFunc(strings.SplitAfter(commands, "\n"), func(line string) bool {
		return strings.HasPrefix(line, "kubectl port-forward ")
	}), "")
	output, err := s.Run(t.Context(), s.Root(), commands)
	t.Logf("$ %s\n%s", commands, output)
	return err
}

// shellBlocks are the commands of a page.
func shellBlocks(t *testing.T, page string) (blocks []string) {
	t.Helper()
	parts := strings.Split(readPage(t, page), "```sh\n")
	for _, part := range parts[1:] {
		block, _, closed := strings.Cut(part, "```")
		if !closed {
			t.Fatalf("%s: a block is never closed", page)
		}
		blocks = append(blocks, block)
	}
	return blocks
}

// commandsIn counts lines that no backslash continues.
func commandsIn(blocks []string) (n int) {
	for line := range strings.Lines(strings.Join(blocks, "")) {
		if !strings.HasSuffix(line, "\\\n") {
			n++
		}
	}
	return n
}
