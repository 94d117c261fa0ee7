// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// update writes the transcripts into the page: go test ./cmd/kubectl-scim/command -run Transcripts -update.
var update = flag.Bool("update", false, "write what the commands say into docs/kubectl.md")

const (
	page = "docs/kubectl.md"
	// sampleDigest is what the page shows of a digest that is another one each time.
	sampleDigest = "0123456789abcdef"
	prompt       = "$ "
)

// TestTranscripts runs every command of the page, in its order, on the fixtures, and wants what the page says.
func TestTranscripts(t *testing.T) {
	w := theWorld(t)
	w.namespace(t, "acme", "acme.yaml")
	digest := w.publish(t, "acme")
	us := w.as(t, "acme", "")
	path := filepath.Join(root, page)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(content), "```console\n")
	for i, part := range parts[1:] {
		block, rest, _ := strings.Cut(part, "```")
		said := play(t, us, commandsOf(block))
		said = strings.ReplaceAll(said, digest, sampleDigest)
		if diff := cmp.Diff(block, said); diff != "" && !*update {
			t.Errorf("transcript %d of %s (-page +run); -update writes it:\n%s", i+1, page, diff)
		}
		parts[i+1] = said + "```" + rest
	}
	if len(parts) < 10 {
		t.Errorf("%s has %d transcripts only", page, len(parts)-1)
	}
	if *update {
		if err := os.WriteFile(path, []byte(strings.Join(parts, "```console\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func commandsOf(block string) (commands []string) {
	for line := range strings.SplitSeq(block, "\n") {
		if command, is := strings.CutPrefix(line, prompt); is {
			commands = append(commands, command)
		}
	}
	return commands
}

// play runs commands and returns what a terminal would show.
func play(t *testing.T, us caller, commands []string) string {
	t.Helper()
	var b strings.Builder
	code := 0
	for _, command := range commands {
		b.WriteString(prompt + command + "\n")
		if command == "echo $?" {
			fmt.Fprintln(&b, code)
			continue
		}
		words := words(command)
		if len(words) < 3 || words[0] != "kubectl" || words[1] != "scim" {
			t.Fatalf("%q is no command of the plugin", command)
		}
		r := us.call(t, "", words[2:]...)
		b.WriteString(r.both)
		code = r.code
	}
	return b.String()
}

// words splits as a shell does, with double quotes and no other magic.
func words(command string) (words []string) {
	word, quoted, begun := "", false, false
	for _, r := range command {
		switch {
		case r == '"':
			quoted, begun = !quoted, true
		case r == ' ' && !quoted:
			if begun {
				words = append(words, word)
			}
			word, begun = "", false
		default:
			word, begun = word+string(r), true
		}
	}
	if begun {
		words = append(words, word)
	}
	return words
}
