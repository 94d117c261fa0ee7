// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

const (
	serverProgram     = "scim-server"
	controllerProgram = "scim-controller"

	// portsOfServer: SCIM, health and metrics.
	portsOfServer = 3
	// portsOfController: health and metrics.
	portsOfController = 2
	// readyTimeout bounds the start of a program, which takes about a second.
	readyTimeout = time.Minute
)

// Program is a process of the product. Restart keeps its addresses.
type Program struct {
	*cluster.Process
	// URL is where a scim-server listens, without a path; empty for scim-controller.
	URL string
	// HealthURL answers /healthz and /readyz.
	HealthURL string
	// MetricsURL is where /metrics is.
	MetricsURL string
	// LogFile receives what the process writes.
	LogFile string

	kubeconfig string
}

// BaseURL is the SCIM base URL of a directory at this server.
func (p *Program) BaseURL(namespace, directory string) string {
	return p.URL + v1alpha1.BasePath + namespace + "/" + directory
}

// compile builds both programs into bin/, where go build finds them up to date the next time. Stacks of several processes take
// turns: one would replace the program that another is about to start.
func (s *Stack) compile(ctx context.Context) (err error) {
	unlock, err := lock(filepath.Join(s.root, s.binDir()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	args := []string{"build", "-o", s.binDir() + "/", fmt.Sprintf("-race=%t", s.options.Race), "./cmd/" + serverProgram, "./cmd/" + controllerProgram}
	build := exec.CommandContext(ctx, "go", args...)
	build.Dir = s.root
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build programs: %w: %s", err, output)
	}
	return nil
}

// lock waits until no other process has a directory locked; it makes the directory if needed. The end of a process unlocks too.
func lock(dir string) (unlock func() error, err error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	file, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("lock directory: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock directory: %w", err), file.Close())
	}
	return file.Close, nil
}

// binDir is where the programs are built, below the root of the repository.
func (s *Stack) binDir() string {
	if s.options.Race {
		return filepath.Join("bin", "race")
	}
	return "bin"
}

func (s *Stack) startPrograms(ctx context.Context) error {
	for range s.options.Servers {
		p, err := s.StartServer(ctx)
		if err != nil {
			return err
		}
		s.Servers = append(s.Servers, p)
	}
	return s.startController(ctx)
}

// StartServer starts one more scim-server, beside those in Servers, and returns when it is ready. Stop ends it too. It is
// not safe for concurrent use.
func (s *Stack) StartServer(ctx context.Context) (*Program, error) {
	number, ports := s.servers, s.ports
	s.servers++
	if number > 0 {
		var err error
		if ports, err = cluster.FreePorts(portsOfServer); err != nil {
			return nil, err
		}
	}
	p := &Program{URL: loopbackURL(ports[0]), HealthURL: loopbackURL(ports[1]), MetricsURL: loopbackURL(ports[2])}
	flags := map[string]string{"listen": address(ports[0]), "health-listen": address(ports[1]), "metrics-listen": address(ports[2])}
	err := s.run(ctx, p, serverProgram, fmt.Sprintf("%s-%d", serverProgram, number), number%s.options.APIServers, flags, s.options.ServerArgs)
	return p, err
}

func (s *Stack) startController(ctx context.Context) error {
	ports, err := cluster.FreePorts(portsOfController)
	if err != nil {
		return err
	}
	p := &Program{HealthURL: loopbackURL(ports[0]), MetricsURL: loopbackURL(ports[1])}
	flags := map[string]string{"health-listen": address(ports[0]), "metrics-listen": address(ports[1])}
	if err := s.run(ctx, p, controllerProgram, controllerProgram, 0, flags, s.options.ControllerArgs); err != nil {
		return err
	}
	s.Controller = p
	return nil
}

// run starts the container of a Deployment as a process, under the same ServiceAccount.
func (s *Stack) run(ctx context.Context, p *Program, deployment, name string, apiServer int, flags map[string]string, extra []string) error {
	d, found := s.chart.deployments[deployment]
	if !found || len(d.Spec.Template.Spec.Containers) != 1 {
		return fmt.Errorf("start %s: the chart has no such Deployment with one container", name)
	}
	pod := d.Spec.Template.Spec
	config, err := s.Cluster.ServiceAccountConfig(ctx, Namespace, pod.ServiceAccountName, apiServer)
	if err != nil {
		return err
	}
	if s.options.Between != nil && deployment == serverProgram {
		if config.Host, err = s.options.Between(config.Host); err != nil {
			return err
		}
	}
	p.kubeconfig = filepath.Join(s.dir, name+".kubeconfig")
	if err := cluster.WriteKubeconfig(p.kubeconfig, config); err != nil {
		return err
	}
	log, err := s.logFile(name)
	if err != nil {
		return err
	}
	p.LogFile = log.Name()
	env := []string{"GORACE=halt_on_error=1", "GOGC=100"} // as in a cluster, whatever the tests themselves run with: memory is measured
	for _, v := range pod.Containers[0].Env {
		env = append(env, v.Name+"="+v.Value)
	}
	flags["kubeconfig"] = p.kubeconfig
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	p.Process, err = cluster.StartProcess(ctx, cluster.ProcessConfig{
		Name: name, Path: filepath.Join(s.root, s.binDir(), deployment), Env: env, Log: log,
		Args:  append(rewrite(pod.Containers[0].Args, flags), extra...),
		Ready: cluster.ReadyURL(p.HealthURL+"/readyz", nil),
	})
	if err == nil {
		s.programs = append(s.programs, p)
	}
	return err
}

// rewrite returns args of the form --flag=value with the values of flags, and those that args lacks at the end.
func rewrite(args []string, flags map[string]string) []string {
	rewritten := make([]string, 0, len(args)+len(flags))
	seen := map[string]bool{}
	for _, arg := range args {
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if value, found := flags[name]; found {
			arg, seen[name] = "--"+name+"="+value, true
		}
		rewritten = append(rewritten, arg)
	}
	for name, value := range flags {
		if !seen[name] {
			rewritten = append(rewritten, "--"+name+"="+value)
		}
	}
	return rewritten
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func loopbackURL(port int) string { return "http://" + address(port) }
