// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// asParent makes the test binary a program that starts a child and waits to be killed.
const asParent = "CLUSTER_TEST_AS_PARENT"

// patience bounds every wait of these tests.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	if os.Getenv(asParent) != "" {
		parent()
	}
	// The client would complain of its absence, with a stack trace.
	log.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

func parent() {
	p, err := StartProcess(context.Background(), ProcessConfig{Name: "child", Path: "sleep", Args: []string{"600"}})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(p.Pid())
	select {}
}

func TestChildDiesWithItsKilledParent(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), asParent+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatalf("parent did not tell the pid of its child: %v", err)
	}
	if !alive(pid) {
		t.Fatalf("child %d is not alive before its parent is killed", pid)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	eventually(t, "the child is gone", func() error {
		if alive(pid) {
			return fmt.Errorf("child %d is alive", pid)
		}
		return nil
	})
}

func TestProcessEnds(t *testing.T) {
	cases := map[string]struct {
		reason string
		script string
		end    func(*Process) error
		want   int
	}{
		"TerminateGraceful": {
			reason: "a program that handles SIGTERM decides its exit status",
			script: `trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done`,
			end:    func(p *Process) error { return p.Terminate(t.Context()) },
			want:   7,
		},
		"TerminateSuccess": {
			reason: "exit status 0 after SIGTERM is no error",
			script: `trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done`,
			end:    func(p *Process) error { return p.Terminate(t.Context()) },
		},
		"ByItself": {
			reason: "Wait reports a program that ends on its own",
			script: `echo ready; sleep 0.3; exit 3`,
			end:    func(p *Process) error { return p.Wait(t.Context()) },
			want:   3,
		},
		"KillFrozen": {
			reason: "a frozen process is killed all the same",
			script: `echo ready; while :; do sleep 0.05; done`,
			end: func(p *Process) error {
				return errors.Join(p.Freeze(), p.Kill(), p.Kill(), p.Wait(t.Context()))
			},
			want: -1,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := startScript(t, tc.script)
			err := tc.end(p)
			got := 0
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
				got = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if got != tc.want {
				t.Errorf("exit status %d, want %d: %s", got, tc.want, tc.reason)
			}
			if p.Running() || alive(p.Pid()) {
				t.Errorf("process %d is alive after it ended", p.Pid())
			}
			if err := p.Freeze(); !errors.Is(err, ErrNotRunning) {
				t.Errorf("Freeze of an ended process: %v, want ErrNotRunning", err)
			}
		})
	}
}

func TestTerminateGivesUpWithItsContext(t *testing.T) {
	p := startScript(t, `trap '' TERM; echo ready; while :; do sleep 0.05; done`)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := p.Terminate(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Terminate of a process that ignores SIGTERM: %v, want the deadline", err)
	}
	if !p.Running() {
		t.Error("process does not run after Terminate gave up")
	}
}

func TestFreezeStopsAndResumeContinues(t *testing.T) {
	p := startScript(t, `echo ready; while :; do :; done`)
	if err := p.Freeze(); err != nil {
		t.Fatal(err)
	}
	wantState := func(want string) {
		t.Helper()
		eventually(t, "the process is in state "+want, func() error {
			if got := state(p.Pid()); got != want {
				return fmt.Errorf("state %q", got)
			}
			return nil
		})
	}
	wantState("T")
	if !p.Running() {
		t.Error("a frozen process counts as running")
	}
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	wantState("R")
}

func TestRestart(t *testing.T) {
	p := startScript(t, `echo ready; while :; do sleep 0.05; done`)
	first := p.Pid()
	if err := p.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !p.Running() || p.Pid() == first || alive(first) {
		t.Errorf("after Restart: running %t, pid %d after %d, first alive %t", p.Running(), p.Pid(), first, alive(first))
	}
	if err := p.retire(); err != nil {
		t.Fatal(err)
	}
	if err := p.Restart(t.Context()); !errors.Is(err, errStopped) || p.Running() {
		t.Errorf("Restart after the cluster stopped: %v, running %t", err, p.Running())
	}
}

func TestStartProcessFails(t *testing.T) {
	never := func(context.Context) error { return errors.New("refused") }
	cases := map[string]struct {
		reason string
		config ProcessConfig
		want   string
		is     error
	}{
		"NoProgram": {
			reason: "the error names the process",
			config: ProcessConfig{Path: "/does/not/exist"},
			want:   "start child: ",
			is:     os.ErrNotExist,
		},
		"EndsBeforeReady": {
			reason: "what the program said last is the best explanation",
			config: ProcessConfig{Path: "sh", Args: []string{"-c", "echo wrong flag; exit 2"}, Ready: never},
			want:   "wrong flag",
		},
		"PortTaken": {
			reason: "the caller chooses another port and repeats",
			config: ProcessConfig{Path: "sh", Args: []string{"-c", "echo bind: address already in use; exit 1"}, Ready: never},
			want:   "address already in use",
			is:     ErrPortTaken,
		},
		"NeverReady": {
			reason: "the context bounds the wait",
			config: ProcessConfig{Path: "sleep", Args: []string{"600"}, Ready: never},
			want:   "refused",
			is:     context.DeadlineExceeded,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			tc.config.Name = "child"
			_, err := StartProcess(ctx, tc.config)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q in it: %s", err, tc.want, tc.reason)
			}
			if tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("error %v is not %v: %s", err, tc.is, tc.reason)
			}
		})
	}
}

func TestLogHasWholeLinesBehindTheName(t *testing.T) {
	var output bytes.Buffer
	p, err := StartProcess(t.Context(), ProcessConfig{
		Name: "child", Path: "sh", Args: []string{"-c", `printf on; sleep 0.1; printf 'e\n'; echo "$WORD" >&2`},
		Env: []string{"WORD=two"}, Log: &lockedWriter{to: &output},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := output.String(), "child: one\nchild: two\n"; got != want {
		t.Errorf("log %q, want %q", got, want)
	}
}

func TestFreePorts(t *testing.T) {
	ports, err := FreePorts(50)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, port := range ports {
		if seen[port] || port < lowestPort || port >= highestPort {
			t.Errorf("port %d is a duplicate or out of range", port)
		}
		seen[port] = true
		l, err := net.Listen("tcp", loopback(port))
		if err != nil {
			t.Errorf("port is not free: %v", err)
			continue
		}
		_ = l.Close()
	}
}

// startScript starts a shell script that says "ready" when its traps are set.
func startScript(t *testing.T, script string) *Process {
	t.Helper()
	said := make(readySignal, 1)
	p, err := StartProcess(t.Context(), ProcessConfig{
		Name: "script", Path: "sh", Args: []string{"-c", script}, Log: said, Ready: said.ready,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// readySignal is a log that holds a token for each line "ready".
type readySignal chan struct{}

func (s readySignal) Write(b []byte) (int, error) {
	if bytes.HasSuffix(b, []byte("ready\n")) {
		s <- struct{}{}
	}
	return len(b), nil
}

func (s readySignal) ready(context.Context) error {
	select {
	case <-s:
		return nil
	default:
		return errors.New("the script did not say ready")
	}
}

func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	err := check()
	for ; err != nil && time.Now().Before(deadline); err = check() {
		select {
		case <-t.Context().Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	if err != nil {
		t.Fatalf("waited %v until %s: %v", patience, what, err)
	}
}

// alive is false for a zombie too, which only its adoptive parent can bury.
func alive(pid int) bool {
	return syscall.Kill(pid, 0) == nil && state(pid) != "Z"
}

// state is the letter that ps shows.
func state(pid int) string {
	out, _ := exec.Command("ps", "-o", "stat=", "-p", fmt.Sprint(pid)).Output()
	return string(bytes.TrimSpace(out))[:min(1, len(bytes.TrimSpace(out)))]
}
