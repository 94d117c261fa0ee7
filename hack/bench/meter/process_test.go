// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"os"
	"testing"
	"time"
)

func TestParseMemory(t *testing.T) {
	for name, c := range map[string]struct {
		reason, status string
		resident, peak int64
		fails          bool
	}{
		"Both":  {"KiB become bytes", "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n", 1 << 20, 2 << 20, false},
		"Ended": {"a zombie has no memory", "Name:\tx\nState:\tZ\n", 0, 0, true},
		"Wrong": {"no number", "VmHWM:\t many kB\nVmRSS:\t 1 kB\n", 0, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			resident, peak, err := parseMemory(c.status)
			if resident != c.resident || peak != c.peak || (err != nil) != c.fails {
				t.Errorf("%s: got %d, %d, %v; want %d, %d, fails %t", c.reason, resident, peak, err, c.resident, c.peak, c.fails)
			}
		})
	}
}

func TestParseCPU(t *testing.T) {
	for name, c := range map[string]struct {
		reason, stat string
		want         time.Duration
		fails        bool
	}{
		"Sum":   {"user and system time", "7 (a) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0", 2 * time.Second, false},
		"Name":  {"the name has a space and a parenthesis", "7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 1 2 0 0", 30 * time.Millisecond, false},
		"Short": {"cut off", "7 (a) S 1 2 3", 0, true},
		"Wrong": {"no number", "7 (a) S 1 2 3 4 5 6 7 8 9 10 x 2", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseCPU(c.stat)
			if got != c.want || (err != nil) != c.fails {
				t.Errorf("%s: got %s, %v; want %s, fails %t", c.reason, got, err, c.want, c.fails)
			}
		})
	}
}

func TestReadUsage(t *testing.T) {
	u, err := ReadUsage(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if hasProc() && (u.Resident == 0 || u.Peak < u.Resident) {
		t.Errorf("got %+v of this process, want some memory and at least as much at its peak", u)
	}
	if err := ResetPeak(os.Getpid()); err != nil {
		t.Errorf("reset the peak of this process: %v", err)
	}
}
