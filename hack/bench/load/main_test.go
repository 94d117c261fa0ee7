// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/hack/bench/frame"
	"github.com/scim-operator/scim-operator/hack/bench/people"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// TestRun runs the whole with very few users: it fails when the server answers anything but what is expected, and when what the
// benchmark writes is not what a POST makes.
func TestRun(t *testing.T) {
	out := filepath.Join(t.TempDir(), "load.md")
	o := options{few: 3, users: 30, concurrency: 4, restarts: 1, race: raceEnabled, seconds: 20 * time.Millisecond, out: out}
	measureAll := func(ctx context.Context, s *stack.Stack) error { return measure(ctx, s, o) }
	if err := frame.Run(t.Context(), settings(o), measureAll); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{"3 users, ", "30 users, ", "| GET by id | 4 |", "| PATCH of one attribute | 3 |", "| POST | 4 |", "| idle after a start |", "| with 30 users and more |"} {
		if !strings.Contains(string(text), row) {
			t.Errorf("the tables lack %q:\n%s", row, text)
		}
	}
}

func TestFailure(t *testing.T) {
	var r report
	if err := r.failure(); err != nil {
		t.Errorf("nothing was measured: got %v", err)
	}
	r.begin(10)
	r.measured(result{kind: "fine", times: []time.Duration{1}})
	if err := r.failure(); err != nil {
		t.Errorf("all answers were as expected: got %v", err)
	}
	wrong := errors.New("got 503")
	r.begin(20)
	r.measured(result{kind: "bad", times: []time.Duration{1}, failures: 1, failure: wrong})
	if err := r.failure(); !errors.Is(err, wrong) {
		t.Errorf("one answer was wrong: got %v", err)
	}
}

func TestCells(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		result result
		want   string
	}{
		"Measured": {
			"four requests in two seconds, one call each",
			result{
				kind: "GET", workers: 2, took: 2 * time.Second, failures: 1,
				times: []time.Duration{time.Millisecond, 2 * time.Millisecond, 3 * time.Millisecond, 4 * time.Millisecond},
				spent: spent{server: 40 * time.Millisecond, cluster: 20 * time.Millisecond, client: 10 * time.Millisecond, calls: 4},
			},
			"GET 2 2.0 2.0 4.0 4 1 1.00 10.00 5.00 2.50",
		},
		"Refused": {"the server does not know it", result{kind: "walk", workers: 2, refused: 400}, "walk 2 n/a (400)        "},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(c.result.cells(), " "); got != c.want {
				t.Errorf("%s: got %q, want %q", c.reason, got, c.want)
			}
		})
	}
}

func TestMinus(t *testing.T) {
	before, after := spent{1, 2, 3, 4}, spent{11, 22, 33, 44}
	if got, want := after.minus(before), (spent{10, 20, 30, 40}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestCountCalls(t *testing.T) {
	for name, c := range map[string]struct {
		reason, metrics string
		want            int
		fails           bool
	}{
		"Ours": {"reads and writes of our kinds, without the watches that have ended",
			"# HELP apiserver_request_total x\n" +
				`apiserver_request_total{code="200",group="scim-operator.dev",resource="scimusers",verb="GET"} 3` + "\n" +
				`apiserver_request_total{code="201",group="scim-operator.dev",resource="scimnames",verb="POST"} 4` + "\n" +
				`apiserver_request_total{code="0",group="scim-operator.dev",resource="scimusers",verb="WATCH"} 5` + "\n" +
				`apiserver_request_total{code="200",group="",resource="secrets",verb="GET"} 6` + "\n" +
				`apiserver_request_duration_seconds_count{group="scim-operator.dev",verb="GET"} 7` + "\n", 7, false},
		"Wrong": {"no number", "apiserver_request_total{} many\n", 0, true},
		"None":  {"nothing is nothing", "", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := countCalls(strings.NewReader(c.metrics))
			if got != c.want || (err != nil) != c.fails {
				t.Errorf("%s: got %d, %v; want %d, fails %t", c.reason, got, err, c.want, c.fails)
			}
		})
	}
}

func TestWorkers(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		scans  int
		kind   kind
		want   int
	}{
		"All":      {"nothing bounds them", 0, kind{}, 16},
		"Scans":    {"the server may look at every user", 2, kind{scans: true}, 2},
		"NoBound":  {"no bound was asked for", 0, kind{scans: true}, 16},
		"NotScans": {"the bound is not for these", 2, kind{}, 16},
		"Own":      {"there are three users only", 2, kind{own: true}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			b := &bench{options: options{concurrency: 16, scans: c.scans}, people: population{ids: make([]string, 3)}}
			if got := b.workers(c.kind); got != c.want {
				t.Errorf("%s: got %d, want %d", c.reason, got, c.want)
			}
		})
	}
}

func TestRequest(t *testing.T) {
	d := target{path: "/scim", header: "Host: h\r\n"}
	for name, c := range map[string]struct {
		method string
		body   []byte
		want   string
	}{
		"Bare": {"GET", nil, "GET /scim/Users HTTP/1.1\r\nHost: h\r\n\r\n"},
		"Body": {"POST", []byte("{}"), "POST /scim/Users HTTP/1.1\r\nHost: h\r\nContent-Type: application/scim+json\r\nContent-Length: 2\r\n\r\n{}"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, string(d.request(nil, c.method, "/Users", c.body))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWalk(t *testing.T) {
	next := walk(target{})(0)
	for page, want := range map[string]string{
		`{"Resources":[],"nextCursor":"a-b_c"}`: "cursor=a-b_c ",
		`{"Resources":[]}`:                      "cursor= ", // the last page; begin again
		"":                                      "cursor= ",
	} {
		if got := string(next(nil, []byte(page))); !strings.Contains(got, want) {
			t.Errorf("after %q: got %q, want %q in it", page, got, want)
		}
	}
}

func TestNamed(t *testing.T) {
	check := population{ids: make([]string, 50), total: 51}.named("x") // two of 50, and one who may have an x
	for found, want := range map[int]bool{1: false, 2: true, 3: true, 4: false} {
		if err := check(answer{TotalResults: found}); (err == nil) != want {
			t.Errorf("%d found: got %v, want accepted %t", found, err, want)
		}
	}
}

func TestFileName(t *testing.T) {
	if got, want := fileName("`userName eq`, hit"), "userName-eq-hit"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNewcomers(t *testing.T) {
	var n newcomers
	first, second := n.next(), n.next()
	if first == second || first <= people.Person(1_000_000) {
		t.Errorf("got %d and %d, want two that nobody wrote", first, second)
	}
}
