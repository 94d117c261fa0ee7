// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor time in /proc: 1/100 s on every architecture (USER_HZ).
const tick = 10 * time.Millisecond

// Usage is what a process takes from the machine.
type Usage struct {
	// Resident is its memory now, Peak the most since its start or the last ResetPeak; both in bytes.
	Resident, Peak int64
	// CPU is the processor time since its start, of all threads, in user and in system mode.
	CPU time.Duration
}

// ReadUsage reads what a process takes; all zero where there is no /proc.
func ReadUsage(pid int) (u Usage, err error) {
	status, err := os.ReadFile(procFile(pid, "status"))
	if errors.Is(err, fs.ErrNotExist) && !hasProc() {
		return Usage{}, nil
	}
	if err != nil {
		return Usage{}, fmt.Errorf("read memory: %w", err)
	}
	if u.Resident, u.Peak, err = parseMemory(string(status)); err != nil {
		return Usage{}, err
	}
	stat, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		return Usage{}, fmt.Errorf("read processor time: %w", err)
	}
	u.CPU, err = parseCPU(string(stat))
	return u, err
}

// ResetPeak makes Peak begin anew. Without /proc it does nothing.
func ResetPeak(pid int) error {
	if !hasProc() {
		return nil
	}
	return os.WriteFile(procFile(pid, "clear_refs"), []byte("5"), 0) // see proc(5)
}

func procFile(pid int, name string) string { return "/proc/" + strconv.Itoa(pid) + "/" + name }

func hasProc() bool {
	_, err := os.Stat(procFile(os.Getpid(), "status"))
	return err == nil
}

// parseMemory reads /proc/<pid>/status, which is in KiB.
func parseMemory(status string) (resident, peak int64, err error) {
	found := 0
	for line := range strings.Lines(status) {
		name, rest, _ := strings.Cut(line, ":")
		into := &resident
		switch name {
		case "VmRSS":
		case "VmHWM":
			into = &peak
		default:
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("read %s: %w", name, err)
		}
		*into = kib << 10
		found++
	}
	if found != 2 {
		return 0, 0, errors.New("read memory: the process has ended")
	}
	return resident, peak, nil
}

// parseCPU reads /proc/<pid>/stat. The second field is the name of the program in parentheses and may contain anything.
func parseCPU(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	const user, system = 14 - 3, 15 - 3 // counted from the third field
	if len(fields) <= system {
		return 0, errors.New("read processor time: too few fields")
	}
	var sum time.Duration
	for _, field := range []int{user, system} {
		ticks, err := strconv.ParseInt(fields[field], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read processor time: %w", err)
		}
		sum += time.Duration(ticks) * tick
	}
	return sum, nil
}
