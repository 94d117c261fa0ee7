// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// readyInterval is how often a starting process is asked whether it is ready.
	readyInterval = 50 * time.Millisecond
	// pipeDelay bounds the wait for output after a process ended, should a grandchild hold its pipe open.
	pipeDelay = 2 * time.Second
)

// ErrPortTaken is wrapped by the error of a start that ended because another process listens on the chosen port: choose
// again and repeat.
var ErrPortTaken = errors.New("port is taken")

// ErrNotRunning is wrapped by the error of Freeze, Resume and Terminate when the process has ended.
var ErrNotRunning = errors.New("process is not running")

// errStopped forbids a Restart after the cluster of the process was stopped.
var errStopped = errors.New("cluster is stopped")

// ProcessConfig describes a child process.
type ProcessConfig struct {
	// Name prefixes every line in Log and names the process in errors.
	Name string
	// Path is the program, Args its arguments without the program's name.
	Path string
	Args []string
	// Env is added to the environment of this process.
	Env []string
	// Log receives standard output and standard error, whole lines at a time. It must be safe for concurrent use when
	// several processes share it. Nil discards them.
	Log io.Writer
	// Ready is polled until it returns nil; see ReadyURL. Nil means ready at once.
	Ready func(ctx context.Context) error
}

// Process is a child process that can be frozen, killed and restarted. All methods are safe for concurrent use.
// It runs in a process group of its own, and on Linux it dies with its parent, even if that is killed.
type Process struct {
	config ProcessConfig

	// restarting serialises Restart; mu guards the fields below and is held for moments only.
	restarting sync.Mutex
	mu         sync.Mutex
	run        *run
	retired    bool
}

// run is one life of a process. err may be read once exited is closed.
type run struct {
	cmd    *exec.Cmd
	output *lineWriter
	exited chan struct{}
	err    error
}

// StartProcess starts a child process and returns when it is ready. ctx bounds that wait, not the life of the process.
// On error nothing is left running; the error ends with the last lines that the process wrote.
func StartProcess(ctx context.Context, config ProcessConfig) (*Process, error) {
	p := &Process{config: config}
	if err := p.start(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// Freeze stops the process where it is, as a long pause of its machine would: its connections stay open and unanswered. It stands still when
// Freeze returns.
func (p *Process) Freeze() error {
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return wait.PollUntilContextTimeout(context.Background(), time.Millisecond, freezeTimeout, true, func(context.Context) (bool, error) {
		return stands(p.Pid())
	})
}

// freezeTimeout bounds the wait for threads to stop, which takes them no time unless the machine is very busy.
const freezeTimeout = 10 * time.Second

// Resume ends a Freeze.
func (p *Process) Resume() error { return p.signal(syscall.SIGCONT) }

// Kill ends the process group by SIGKILL, frozen or not, and waits until the process is gone.
// It is no error if it already was.
func (p *Process) Kill() error {
	if err := p.signal(syscall.SIGKILL); err != nil && !errors.Is(err, ErrNotRunning) {
		return err
	}
	<-p.current().exited
	return nil
}

// Terminate asks the process to end by SIGTERM and waits for it as Wait does. A frozen process ends after Resume.
func (p *Process) Terminate(ctx context.Context) error {
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.Wait(ctx)
}

// Wait returns when the process has ended: nil for exit status 0, else an *exec.ExitError. When ctx ends first it
// returns the error of ctx and the process runs on.
func (p *Process) Wait(ctx context.Context) error {
	r := p.current()
	select {
	case <-r.exited:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Restart kills the process if it runs, starts it with the same arguments, and so on the same ports, and returns when
// it is ready. ctx bounds that wait; on error nothing is left running.
func (p *Process) Restart(ctx context.Context) error {
	p.restarting.Lock()
	defer p.restarting.Unlock()
	if err := p.Kill(); err != nil {
		return err
	}
	return p.start(ctx)
}

// Running tells whether the process has not ended; a frozen process is running.
func (p *Process) Running() bool {
	select {
	case <-p.current().exited:
		return false
	default:
		return true
	}
}

// Pid is the process id of the current or last run.
func (p *Process) Pid() int { return p.current().cmd.Process.Pid }

// retire kills the process and makes every later Restart fail.
func (p *Process) retire() error {
	p.mu.Lock()
	p.retired = true
	p.mu.Unlock()
	return p.Kill()
}

func (p *Process) current() *run {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.run
}

// signal reaches the whole process group, whose id is that of its leader.
func (p *Process) signal(s syscall.Signal) error {
	err := ErrNotRunning
	if p.Running() {
		err = syscall.Kill(-p.Pid(), s)
	}
	if errors.Is(err, syscall.ESRCH) {
		err = ErrNotRunning
	}
	if err != nil {
		return fmt.Errorf("send %v to %s: %w", s, p.config.Name, err)
	}
	return nil
}

func (p *Process) start(ctx context.Context) error {
	r, err := p.launch()
	if err != nil {
		return fmt.Errorf("start %s: %w", p.config.Name, err)
	}
	if err := r.waitReady(ctx, p.config.Ready); err != nil {
		return errors.Join(fmt.Errorf("start %s: %w", p.config.Name, r.explain(err)), p.Kill())
	}
	return nil
}

// launch holds the lock while it forks, so that no process appears after retire.
func (p *Process) launch() (*run, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retired {
		return nil, errStopped
	}
	r := newRun(p.config)
	if err := r.fork(); err != nil {
		return nil, err
	}
	p.run = r
	return r, nil
}

func newRun(config ProcessConfig) *run {
	output := &lineWriter{name: config.Name, to: config.Log}
	cmd := exec.Command(config.Path, config.Args...)
	cmd.Env = append(os.Environ(), config.Env...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.WaitDelay = pipeDelay
	cmd.SysProcAttr = childAttributes()
	return &run{cmd: cmd, output: output, exited: make(chan struct{})}
}

func (r *run) waitReady(ctx context.Context, ready func(context.Context) error) error {
	if ready == nil {
		return nil
	}
	ticker := time.NewTicker(readyInterval)
	defer ticker.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-r.exited:
			return fmt.Errorf("ended before it was ready: %w", errors.Join(r.err, err))
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w", errors.Join(ctx.Err(), err))
		}
	}
}

// explain adds the last output to err, and ErrPortTaken where the output says so: the exit status does not.
func (r *run) explain(err error) error {
	tail := r.output.lastLines()
	if bytes.Contains(tail, []byte("address already in use")) {
		err = errors.Join(ErrPortTaken, err)
	}
	return fmt.Errorf("%w\n%s", err, tail)
}
