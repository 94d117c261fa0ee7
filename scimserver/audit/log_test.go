// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/hack/buffer"
)

// bench is a Log with everything around it.
type bench struct {
	*Log
	lost atomic.Int64
	logs buffer.Locked
	// expired answers After: nobody's patience ends before something is sent.
	expired chan time.Time
	now     atomic.Pointer[time.Time]
}

func newBench(t testing.TB, w io.Writer) *bench {
	t.Helper()
	b := &bench{expired: make(chan time.Time)}
	b.set(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	b.Log = Open(Options{
		Writer: w, Log: slog.New(slog.NewJSONHandler(&b.logs, nil)), Lost: func() { b.lost.Add(1) },
		After: func(time.Duration) <-chan time.Time { return b.expired }, Now: func() time.Time { return *b.now.Load() },
	})
	return b
}

func (b *bench) set(now time.Time) { b.now.Store(&now) }

// want wants that many records to be lost, and the log to have said so in that many lines.
func (b *bench) want(t *testing.T, what string, lost int64, lines int) {
	t.Helper()
	if got := strings.Count(b.logs.String(), "Audit records are lost"); b.lost.Load() != lost || got != lines {
		t.Errorf("%s: %d lost, want %d; said %d times, want %d:\n%s", what, b.lost.Load(), lost, got, lines, b.logs.String())
	}
}

func example() Record {
	return Record{
		Time: time.Date(2026, 1, 2, 4, 4, 5, 678999999, time.FixedZone("", 3600)), Namespace: "acme", Directory: "okta", TokenKeyID: "k1",
		RequestID: "r1", Source: netip.MustParseAddr("::ffff:192.0.2.7"), Operation: Patch, Kind: "User", ID: "5f0c0f0e-7a1e-4b53-9d53-0b6d1c7a2f11",
		Attributes: []string{"active", "name.givenName"}, Status: 200,
	}
}

func TestRecordIsOneLine(t *testing.T) {
	attributes := make([]string, 1, 5) // of the caller, who may append
	attributes[0] = "displayName"
	for name, tc := range map[string]struct {
		reason string
		record Record
		want   string
	}{
		"Changed": {
			reason: "in UTC with milliseconds; an IPv4 address as one", record: example(),
			want: `{"time":"2026-01-02T03:04:05.678Z","namespace":"acme","directory":"okta","tokenKeyID":"k1","requestID":"r1","source":"192.0.2.7","operation":"patch","kind":"User","id":"5f0c0f0e-7a1e-4b53-9d53-0b6d1c7a2f11","attributes":["active","name.givenName"],"status":200}`,
		},
		"Members": {
			reason: "members are an attribute with counts", record: Record{Operation: Replace, Kind: "Group", Attributes: attributes, MembersAdded: 2, Status: 204},
			want: `{"time":"0001-01-01T00:00:00.000Z","namespace":"","directory":"","tokenKeyID":"","requestID":"","operation":"replace","kind":"Group","attributes":["displayName","members"],"members":{"added":2,"removed":0},"status":204}`,
		},
		"Refused": {
			reason: "why, and an empty list of attributes", record: Record{Operation: Bulk, Status: 400, SCIMType: "invalidSyntax"},
			want: `{"time":"0001-01-01T00:00:00.000Z","namespace":"","directory":"","tokenKeyID":"","requestID":"","operation":"bulk","attributes":[],"status":400,"scimType":"invalidSyntax"}`,
		},
		"Hostile": {
			reason: "no text ends a line or begins another (SEC-35)", record: Record{TokenKeyID: "a\n{\"level\":\"error\"}\u2028\x1b[31m", Source: netip.MustParseAddr("fe80::1%eth0\n")},
			want: `{"time":"0001-01-01T00:00:00.000Z","namespace":"","directory":"","tokenKeyID":"a\n{\"level\":\"error\"}\u2028\u001b[31m","requestID":"","source":"fe80::1","operation":"","attributes":[],"status":0}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tc.record.encode()
			if diff := cmp.Diff(tc.want+"\n", string(got)); diff != "" || err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", tc.reason, err, diff)
			}
		})
	}
	if attributes[:2][1] != "" {
		t.Error("the caller's list was written to")
	}
}

// TestLinesAreWhole: however many write at once, each line is one record, each record is one Write and is there when its Write returns, and
// those of one writer are in their order.
func TestLinesAreWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, file)
	const writers, each = 8, 200
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				r := example()
				r.TokenKeyID, r.Status = fmt.Sprint(w), i
				b.Write(r)
			}
			if text, err := os.ReadFile(path); err != nil || strings.Count(string(text), fmt.Sprintf(`"tokenKeyID":"%d"`, w)) != each {
				t.Errorf("writer %d: not all is there: %v", w, err)
			}
		})
	}
	group.Wait()
	if err := errors.Join(b.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	next := map[string]int{}
	for scanner := bufio.NewScanner(bytes.NewReader(text)); scanner.Scan(); {
		var got struct {
			TokenKeyID string
			Status     int
		}
		if err := json.Unmarshal(scanner.Bytes(), &got); err != nil || got.Status != next[got.TokenKeyID] {
			t.Fatalf("%v, want number %d: %s", err, next[got.TokenKeyID], scanner.Text())
		}
		next[got.TokenKeyID]++
	}
	if len(next) != writers || next["0"] != each {
		t.Errorf("lines of each: %v", next)
	}
	b.want(t, "a file", 0, 0)
}

// faulty is a disk that is full: it takes part of a line and fails as long as it is told to.
type faulty struct {
	buffer.Locked
	fails int
	takes int
}

func (f *faulty) Write(p []byte) (int, error) {
	if f.fails == 0 {
		return f.Locked.Write(p)
	}
	f.fails--
	n, _ := f.Locked.Write(p[:min(f.takes, len(p))])
	return n, &os.PathError{Op: "write", Path: "/secret/path", Err: syscall.ENOSPC}
}

// TestFullDisk: what cannot be written is lost, counted and complained about once a minute, without the path; the line that was cut off
// spoils no other, and when there is room again everything is written.
func TestFullDisk(t *testing.T) {
	f := &faulty{fails: 5, takes: 10}
	b := newBench(t, f)
	for i := range 5 {
		if i == 4 {
			b.set(b.Now().Add(complainEvery))
		}
		b.Write(example())
	}
	b.want(t, "full", 5, 2)
	if got := b.logs.String(); !strings.Contains(got, `"records":1,"reason":"no space left on device"`) || !strings.Contains(got, `"records":4`) || strings.Contains(got, "secret") {
		t.Errorf("log: %s", got)
	}
	b.Write(example())
	b.Write(example())
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	whole := 0
	for line := range strings.SplitSeq(f.String(), "\n") {
		var r map[string]any
		if json.Unmarshal([]byte(line), &r) == nil && r["requestID"] == "r1" {
			whole++
		}
	}
	if whole != 2 {
		t.Errorf("%d of 2 records are whole:\n%s", whole, f.String())
	}
}

// gate blocks until it is opened.
type gate struct {
	buffer.Locked
	open    chan struct{}
	arrived chan struct{}
	once    sync.Once
}

func newGate() *gate { return &gate{open: make(chan struct{}), arrived: make(chan struct{})} }

func (g *gate) Write(p []byte) (int, error) {
	g.once.Do(func() { close(g.arrived) })
	<-g.open
	return g.Locked.Write(p)
}

// TestBlockedWriter: one request waits until its patience ends, those after it not at all; what the queue has no room for is lost and
// counted, and what is in it is written when the writer goes on. Then requests wait for their records again.
func TestBlockedWriter(t *testing.T) {
	g := newGate()
	b := newBench(t, g)
	first := make(chan struct{})
	go func() { defer close(first); b.Write(example()) }()
	<-g.arrived
	select {
	case <-first:
		t.Fatal("a request did not wait for its record")
	case b.expired <- time.Now():
	}
	<-first
	for range waiting + 3 {
		b.Write(example()) // nobody's patience ends any more: this must not wait
	}
	b.want(t, "blocked", 3, 1)
	close(g.open)
	last := example()
	last.RequestID = "last"
	for b.stalled.Load() {
		<-time.After(time.Millisecond) // until the writer has gone on
	}
	b.Write(last)
	if got := g.String(); strings.Count(got, "\n") != 1+waiting+1 || !strings.Contains(got, `"last"`) {
		t.Errorf("%d lines, want %d", strings.Count(got, "\n"), 1+waiting+1)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	b.want(t, "closed", 3, 2)
}

// TestCloseDoesNotHang: a writer that never goes on keeps no process from ending, which says what it leaves behind.
func TestCloseDoesNotHang(t *testing.T) {
	g := newGate()
	b := newBench(t, g)
	first := make(chan struct{})
	go func() { defer close(first); b.Write(example()) }()
	<-g.arrived
	b.expired <- time.Now()
	<-first
	b.Write(example())
	b.Write(example())
	closed := make(chan error)
	go func() { closed <- b.Close() }()
	b.expired <- time.Now()
	if err := <-closed; !errors.Is(err, errFull) {
		t.Errorf("closed with %v", err)
	}
	b.want(t, "two wait behind the one that is being written", 2, 2)
	close(g.open)
	<-b.stopped
}

func TestClosedLosesNothingUnsaid(t *testing.T) {
	var out buffer.Locked
	b := newBench(t, &out)
	b.Write(example())
	if err := errors.Join(b.Close(), b.Close()); err != nil {
		t.Fatal(err)
	}
	b.Write(example())
	b.want(t, "after the end", 1, 1)
	b.settle(entry{done: make(chan struct{})})
	b.want(t, "queued at the end", 2, 1)
	if strings.Count(out.String(), "\n") != 1 {
		t.Errorf("written: %s", out.String())
	}
}

// BenchmarkWrite is what a record costs, beside the change that it is about: to nowhere and to a file.
func BenchmarkWrite(b *testing.B) {
	file, err := os.OpenFile(filepath.Join(b.TempDir(), "audit"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	for name, w := range map[string]io.Writer{"discard": io.Discard, "file": file} {
		b.Run(name, func(b *testing.B) {
			l := Open(Options{Writer: w, Log: slog.New(slog.DiscardHandler), Lost: func() { b.Error("lost") }, After: time.After, Now: time.Now})
			r := example()
			b.ReportAllocs()
			for b.Loop() {
				l.Write(r)
			}
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
