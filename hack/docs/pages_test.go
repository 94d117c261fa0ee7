// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// page is a Markdown file.
type page struct {
	path string // below root
	// prose is the text without the fenced blocks.
	prose  string
	blocks []block
}

// block is what stands between two fences.
type block struct {
	language string // what follows the opening fence
	line     int    // of the opening fence
	text     string
}

// pages are README.md and everything in docs/.
func pages(t *testing.T) map[string]page {
	t.Helper()
	found := map[string]page{}
	read := func(path string) {
		content, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		found[path] = parse(t, path, string(content))
	}
	if _, err := os.Stat(filepath.Join(root, "README.md")); err == nil {
		read("README.md")
	}
	err := fs.WalkDir(os.DirFS(root), "docs", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".md" {
			read(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 10 {
		t.Fatalf("found %d pages only", len(found))
	}
	return found
}

func parse(t *testing.T, path, content string) page {
	t.Helper()
	p := page{path: path}
	var prose strings.Builder
	var open *block
	for i, line := range strings.Split(content, "\n") {
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && open == nil:
			open = &block{language: fence, line: i + 1}
		case isFence:
			p.blocks = append(p.blocks, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		default:
			prose.WriteString(line + "\n")
		}
	}
	if open != nil {
		t.Fatalf("%s:%d: the fence is never closed", path, open.line)
	}
	p.prose = prose.String()
	return p
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)   //nolint:gochecknoglobals,forbidigo // a constant pattern
	code    = regexp.MustCompile("`[^`\n]*`")         //nolint:gochecknoglobals,forbidigo // a constant pattern
	heading = regexp.MustCompile(`(?m)^(#+) (.+)$`)   //nolint:gochecknoglobals,forbidigo // a constant pattern
	notSlug = regexp.MustCompile(`[^\p{L}\p{N}\- _]`) //nolint:gochecknoglobals,forbidigo // a constant pattern
)

func (p page) headings(level string) (texts []string) {
	for _, h := range heading.FindAllStringSubmatch(p.prose, -1) {
		if level == "" || h[1] == level {
			texts = append(texts, strings.TrimSpace(h[2]))
		}
	}
	return texts
}

// anchors are what GitHub makes of the headings.
func (p page) anchors() map[string]bool {
	found := map[string]bool{}
	for _, h := range p.headings("") {
		found[strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(h), ""), " ", "-")] = true
	}
	return found
}

func TestLinksLeadSomewhere(t *testing.T) {
	all, anchors := pages(t), map[string]map[string]bool{}
	for path, p := range all {
		anchors[path] = p.anchors()
	}
	for path, p := range all {
		for _, found := range link.FindAllStringSubmatch(code.ReplaceAllString(p.prose, ""), -1) {
			if strings.Contains(found[1], "://") {
				continue
			}
			target, anchor, _ := strings.Cut(found[1], "#")
			to := filepath.Join(filepath.Dir(path), target)
			if target == "" {
				to = path
			}
			if _, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s: link to %s: there is no such file", path, found[1])
				continue
			}
			if anchor != "" && !anchors[to][anchor] {
				t.Errorf("%s: link to %s: there is no such heading", path, found[1])
			}
		}
	}
}
