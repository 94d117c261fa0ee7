// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/scim-operator/scim-operator/hack/bench/frame"
)

// profile begins to sample the server from outside, where profiles were asked for and there are many users; the function that it
// returns ends that. A profile that fails costs nobody the measurement: it is missing, and perf says why.
func (b *bench) profile(ctx context.Context, k kind) (stop func()) {
	if b.options.profiles == "" || b.people.total < b.options.users {
		return func() {}
	}
	file := filepath.Join(b.options.profiles, fileName(k.name)+".perf")
	perf := exec.CommandContext(ctx, "perf", "record", "-q", "-F", "199", "-g", "-o", file, "-p", strconv.Itoa(b.server.Pid()))
	perf.Stderr = os.Stderr
	if err := perf.Start(); err != nil {
		frame.Progress("no profile: " + err.Error())
		return func() {}
	}
	return func() {
		_ = perf.Process.Signal(os.Interrupt) // it may have ended
		_ = perf.Wait()                       // it ends by that signal
	}
}

// fileName keeps letters and digits.
func fileName(kind string) string {
	return strings.Join(strings.FieldsFunc(kind, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}), "-")
}
