// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// width of the terminal that the demo is made for.
const width = 100

const (
	bold  = "1"
	green = "32"
	faint = "2"
)

// screen writes for people. A write that fails is not worth an end: the proofs are what counts.
type screen struct {
	to      io.Writer
	colours bool
}

// newScreen uses colours on a terminal only, and not where the user asked for none (https://no-color.org).
func newScreen(file *os.File) *screen {
	info, err := file.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	return &screen{to: file, colours: terminal && os.Getenv("NO_COLOR") == ""}
}

func (s *screen) line(format string, args ...any) { _, _ = fmt.Fprintf(s.to, format+"\n", args...) }

func (s *screen) styled(style, text string) string {
	if !s.colours {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

// intro says where the way goes and how it is known that somebody has arrived.
func (s *screen) intro(destination, question string) {
	s.line("%s\n", s.styled(bold, "scim-operator: from the identity provider to "+destination))
	s.prose("A real etcd and kube-apiserver on loopback; scim-server and scim-controller as processes, each under " +
		"its own ServiceAccount and the RBAC of the Helm chart. An identity provider is played with the requests that Okta and " +
		"Entra ID really send. After each step " + question)
}

// prose is a paragraph.
func (s *screen) prose(text string) {
	for _, line := range wrap(text, width) {
		s.line("%s", line)
	}
	s.line("")
}

func (s *screen) heading(number int, title, why string) {
	text := fmt.Sprintf("── %d. %s ", number, title)
	s.line("\n%s", s.styled(bold, text+strings.Repeat("─", max(0, width-len([]rune(text))))))
	s.prose(why)
}

// table is what a command shows.
func (s *screen) table(command string, lines []string) {
	s.line("\n%s", s.styled(bold, "$ "+command))
	for _, line := range lines {
		s.line("%s", line)
	}
}

// exchange shows a request and the status of its answer.
func (s *screen) exchange(client string, r idp.Request, answer idp.Response) {
	s.line("%s → %s %s", client, r.Method, r.Path)
	if r.Body != nil {
		if body, err := json.Marshal(r.Body); err == nil {
			for _, line := range wrap(string(body), width-4) {
				s.line("    %s", s.styled(faint, line))
			}
		}
	}
	s.line("%s ← %s", strings.Repeat(" ", len([]rune(client))), outline(answer))
}

// outline is what matters of an answer.
func outline(answer idp.Response) string {
	text := fmt.Sprintf("HTTP %d", answer.Status)
	switch {
	case answer.ID() != "" && answer.Body["userName"] == nil:
		text += fmt.Sprintf("  id %s, displayName %v", abbreviate(answer.ID()), answer.Body["displayName"])
	case answer.ID() != "":
		text += fmt.Sprintf("  id %s, userName %v, active %v", abbreviate(answer.ID()), answer.Body["userName"], answer.Body["active"])
	case answer.Body["totalResults"] != nil:
		text += fmt.Sprintf("  totalResults %v", answer.Body["totalResults"])
	case answer.Body["detail"] != nil:
		text += fmt.Sprintf("  %v", answer.Body["detail"])
	}
	return text
}

// wrap breaks text into lines of at most that many characters, at spaces and after commas where there are any.
func wrap(text string, columns int) []string {
	var lines []string
	rest := []rune(text)
	for len(rest) > columns {
		cut := columns
		for i := columns; i > columns/2; i-- {
			if rest[i] == ' ' || rest[i-1] == ',' {
				cut = i
				break
			}
		}
		lines = append(lines, strings.TrimRight(string(rest[:cut]), " "))
		rest = []rune(strings.TrimLeft(string(rest[cut:]), " "))
	}
	return append(lines, string(rest))
}

// result is one proof.
type result struct {
	step, status, proof string
	binding, review     time.Duration
	measured            bool
}

func (s *screen) proof(r result) {
	text := "✓ " + r.proof
	if r.measured {
		text += fmt.Sprintf("  (RoleBinding %s, review %s after the %s)", milliseconds(r.binding), milliseconds(r.review), r.status)
	}
	s.line("%s", s.styled(green, text))
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond))
}

func (s *screen) summary(results []result, took time.Duration) {
	const row = "%-34s %-9s %12s %12s  %s"
	s.summaryHeading()
	s.line(row, "STEP", "SCIM", "ROLEBINDING", "REVIEW", "PROOF")
	for _, r := range results {
		binding, review := "-", "-"
		if r.measured {
			binding, review = milliseconds(r.binding), milliseconds(r.review)
		}
		s.line(row, r.step, r.status, binding, review, r.proof)
	}
	s.line("\nROLEBINDING: from the 2xx, as the client has it, until a watch shows the RoleBinding made or gone.")
	s.line("REVIEW: from the 2xx until a SubjectAccessReview agrees (asked again after 5 ms, then ever less often).")
	s.goodbye(took)
}

func (s *screen) summaryHeading() {
	s.line("\n%s\n", s.styled(bold, "── Summary "+strings.Repeat("─", width-len("-- Summary "))))
}

func (s *screen) goodbye(took time.Duration) {
	s.line("%s", s.styled(green, fmt.Sprintf("\nEverything held. The play took %.1f s. Nothing is left running. `make run` keeps one up to try.", took.Seconds())))
}
