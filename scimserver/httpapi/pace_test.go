// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/scimserver/directory"
)

func TestPace(t *testing.T) {
	r := directory.Rate{PerSecond: 10, Burst: 5}
	type step struct {
		after time.Duration
		n     int
		want  time.Duration // until there is room; 0: taken
	}
	cases := map[string]struct {
		reason string
		steps  []step
	}{
		"Burst":      {"as many at once as the burst", []step{{0, 1, 0}, {0, 4, 0}, {0, 1, 100 * time.Millisecond}}},
		"Refill":     {"what was refused does not count", []step{{0, 5, 0}, {0, 1, 100 * time.Millisecond}, {100 * time.Millisecond, 1, 0}, {0, 1, 100 * time.Millisecond}}},
		"Partly":     {"half of the time has gone", []step{{0, 5, 0}, {50 * time.Millisecond, 1, 50 * time.Millisecond}}},
		"Full":       {"it does not fill above the burst", []step{{time.Hour, 5, 0}, {0, 1, 100 * time.Millisecond}}},
		"MoreThan":   {"more than the burst comes into an empty one, and is paid for afterwards", []step{{0, 25, 0}, {0, 1, 2100 * time.Millisecond}, {2100 * time.Millisecond, 1, 0}}},
		"MoreThan2":  {"but not into another one", []step{{0, 1, 0}, {0, 25, 100 * time.Millisecond}}},
		"Nothing":    {"nothing always has room", []step{{0, 25, 0}, {0, 0, 0}}},
		"ClockTurns": {"a clock that goes back gives nothing", []step{{time.Second, 5, 0}, {-time.Minute, 1, 100 * time.Millisecond}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var p pace
			var now time.Duration
			for i, s := range tc.steps {
				now += s.after
				wait := p.room(r, now, s.n)
				// Floating point may be a nanosecond off.
				if (wait-s.want).Abs() > time.Microsecond || p.take(r, now, s.n) != (wait == 0) {
					t.Errorf("%s: step %d waits for %s, want %s", tc.reason, i, wait, s.want)
				}
			}
		})
	}
}

// TestPaceOfAnyTraffic: whatever comes, no span of time has more than the burst and what the rate gives for it; and nobody waits for
// longer than was said.
func TestPaceOfAnyTraffic(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		r := directory.Rate{PerSecond: 1 + random.IntN(1000), Burst: 1 + random.IntN(50)}
		var p pace
		var now, first time.Duration
		taken := 0
		for range 500 {
			now += time.Duration(random.Int64N(int64(20 * time.Millisecond)))
			wait := p.room(r, now, 1)
			if !p.take(r, now, 1) {
				now += wait
				if !p.take(r, now, 1) {
					t.Fatalf("%+v: there is no room after the %s that were said", r, wait)
				}
			}
			if taken++; float64(taken) > float64(r.Burst)+(now-first).Seconds()*float64(r.PerSecond)+1e-6 {
				t.Fatalf("%+v: %d in %s", r, taken, now-first)
			}
		}
	}
}

// TestPaceOfAnotherRate: who has to wait for days at one rate does not at the next one.
func TestPaceOfAnotherRate(t *testing.T) {
	var p pace
	slow, fast := directory.Rate{PerSecond: 1, Burst: 1_000_000}, directory.Rate{PerSecond: 1000, Burst: 1000}
	if !p.take(slow, 0, 1_000_000) || p.take(slow, 0, 1) {
		t.Fatal("the burst was not taken")
	}
	if wait := p.room(fast, 0, 1); wait > 1000*time.Second {
		t.Errorf("waits for %s", wait)
	}
}
