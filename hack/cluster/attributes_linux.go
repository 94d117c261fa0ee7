// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// childAttributes puts a child in a process group of its own, out of reach of a Ctrl-C in the terminal, and has the
// kernel kill it when its parent dies.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// stands says whether every thread of a process has stopped: the signal that stops them returns before they have.
func stands(pid int) (bool, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(threads) == 0 {
		return true, err // gone
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			continue // ended meanwhile
		}
		// The state follows the name, which is in parentheses and may hold any.
		if _, state, found := bytes.Cut(text[max(0, bytes.LastIndexByte(text, ')')):], []byte(") ")); found && len(state) > 0 && state[0] != 'T' {
			return false, nil
		}
	}
	return true, nil
}
