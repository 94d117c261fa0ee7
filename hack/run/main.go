// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command run brings up the product on loopback with config/samples applied, and keeps it up until Ctrl-C, for any SCIM
// client and any kubectl. It writes .run/env, shell lines to source in another terminal, and .run/kubeconfig.
//
// Environment: SERVERS, the number of scim-server processes (default 1).
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/scim-operator/scim-operator/hack/cluster"
	"github.com/scim-operator/scim-operator/hack/stack"
)

const (
	maxServers = 8
	// lookInterval is how often it is checked that everything still runs.
	lookInterval = time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "run:", err)
		os.Exit(1) //nolint:gocritic // stop frees nothing that the end of the process does not
	}
}

func run(ctx context.Context) error {
	servers, err := serversOf(os.Getenv("SERVERS"))
	if err != nil {
		return err
	}
	root, err := stack.Root()
	if err != nil {
		return err
	}
	files := newFiles(root)
	unlock, err := files.lock()
	if err != nil {
		return err
	}
	defer unlock()
	started := time.Now()
	s, err := stack.Start(ctx, stack.Options{
		ControllerManager: true, Servers: servers, Dir: files.dir,
		Progress: func(what string) { fmt.Println("•", what) },
	})
	if err == nil {
		err = errors.Join(serve(ctx, s, files, started), s.Stop())
	}
	if ctx.Err() != nil { // Ctrl-C is the regular end, at any time
		fmt.Println("\nStopped. Nothing is left running; the logs are in", filepath.Join(files.dir, "logs"))
		return nil
	}
	return err
}

// serversOf parses SERVERS.
func serversOf(value string) (int, error) {
	if value == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > maxServers {
		return 0, fmt.Errorf("SERVERS is %q: want a number from 1 to %d", value, maxServers)
	}
	return n, nil
}

// serve applies the samples, tells how to reach everything and returns when ctx ends or a process does.
func serve(ctx context.Context, s *stack.Stack, files files, started time.Time) (err error) {
	token, err := s.Acme(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, files.remove()) }()
	if err := files.write(s, token); err != nil {
		return err
	}
	fmt.Printf("\nReady after %.1f s.\n%s", time.Since(started).Seconds(), files.hints(s))
	return watch(ctx, s)
}

// watch returns nil when ctx ends, and an error when a program ended by itself.
func watch(ctx context.Context, s *stack.Stack) error {
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		for _, p := range append([]*stack.Program{s.Controller}, s.Servers...) {
			if !p.Running() {
				return fmt.Errorf("a program ended by itself: see %s", p.LogFile)
			}
		}
	}
}

// files are what other terminals read.
type files struct{ dir, env, kubeconfig string }

func newFiles(root string) files {
	dir := filepath.Join(root, ".run")
	return files{dir: dir, env: filepath.Join(dir, "env"), kubeconfig: filepath.Join(dir, "kubeconfig")}
}

// lock keeps a second run out of the directory, and clears it of what a killed one left.
func (f files) lock() (unlock func(), err error) {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(f.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	unlock = func() { _ = file.Close() }
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		unlock()
		return nil, fmt.Errorf("lock %s (another run?): %w", f.dir, err)
	}
	if err := f.remove(); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

func (f files) write(s *stack.Stack, token string) error {
	if err := cluster.WriteKubeconfig(f.kubeconfig, s.Admin); err != nil {
		return err
	}
	if err := os.WriteFile(f.env, []byte(environment(s.Servers, f.kubeconfig, token)), 0o600); err != nil {
		return fmt.Errorf("write environment: %w", err)
	}
	return nil
}

// remove leaves nothing that looks as if the servers were still there.
func (f files) remove() error {
	var errs []error
	for _, path := range []string{f.env, f.kubeconfig} {
		if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// environment is the content of .run/env.
func environment(servers []*stack.Program, kubeconfig, token string) string {
	var b strings.Builder
	export := func(name, value string) { fmt.Fprintf(&b, "export %s=%s\n", name, quote(value)) }
	export("KUBECONFIG", kubeconfig)
	export("SCIM_TOKEN", token)
	for i, server := range servers {
		name := "SCIM_BASE_URL"
		if i > 0 {
			name += "_" + strconv.Itoa(i+1)
		}
		export(name, server.BaseURL(stack.SampleNamespace, stack.SampleDirectory))
	}
	return b.String()
}

// quote makes one word of value, whatever is in it.
func quote(value string) string { return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'" }

// hints are lines that work when pasted.
func (f files) hints(s *stack.Stack) string {
	kubectl, err := stack.Kubectl()
	if err != nil {
		kubectl = "kubectl"
	}
	return fmt.Sprintf(`
SCIM base URL  %[1]s
token          in %[2]s, with the URL and KUBECONFIG
logs           %[3]s

In another terminal:

  . %[2]s
  curl -sS -H "Authorization: Bearer $SCIM_TOKEN" "$SCIM_BASE_URL/Users"
  curl -sS -H "Authorization: Bearer $SCIM_TOKEN" -H 'Content-Type: application/scim+json' \
    -d '{"schemas":["%[4]s"],"userName":"ada@acme.test"}' \
    "$SCIM_BASE_URL/Users"
  %[5]s get scim -n %[6]s
  %[5]s get rolebindings -n %[7]s -o wide
  %[5]s auth can-i get pods -n %[7]s --as ada@acme.test

Ctrl-C ends it.
`, s.Servers[0].BaseURL(stack.SampleNamespace, stack.SampleDirectory), f.env, s.LogDir(),
		"urn:ietf:params:scim:schemas:core:2.0:User", kubectl, stack.SampleNamespace, stack.SampleTarget)
}
