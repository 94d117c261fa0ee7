// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

// Namespace is where the programs have their ServiceAccounts and the controller its Lease.
const Namespace = "scim-system"

// startAttempts bounds how often a start is repeated because a port was taken.
const startAttempts = 3

// Options say what Start starts.
type Options struct {
	// APIServers is the number of API servers; 0 means 1. Server i talks to API server i modulo that, the controller to
	// the first.
	APIServers int
	// ControllerManager starts kube-controller-manager: garbage collection, deletion of namespaces and the rules of
	// aggregated ClusterRoles such as view come from there.
	ControllerManager bool
	// Servers is the number of scim-server processes; 0 means 1. The first one's address is the public URL.
	Servers int
	// Namespaces are created and are all that the programs work in; empty means all.
	Namespaces []string
	// Between, if set, is given the URL of an API server and returns the one that a scim-server shall use in its place.
	Between func(apiServer string) (string, error)
	// Values are set in the chart, as by helm --set: "server.goMemLimit=2GiB".
	Values []string
	// Install takes the place of applying what the chart is rendered to, for whoever installs as its users do. The control plane runs then, and
	// the programs do not.
	Install func(ctx context.Context, s *Stack) error
	// ServerArgs are added to the flags of each scim-server and win over those of the chart.
	ServerArgs []string
	// ControllerArgs are added to the flags of scim-controller and win over those of the chart.
	ControllerArgs []string
	// Race builds the programs with the race detector. One that finds a race says so in its log and ends at once.
	Race bool
	// Dir holds the kubeconfigs of the programs and, in logs/, what every process writes. It is made if needed. The
	// default is a temporary directory.
	Dir string
	// Progress is told what begins, for people who wait. Nil means nobody does.
	Progress func(what string)
}

// Stack is the running product.
type Stack struct {
	// Cluster is the control plane.
	Cluster *cluster.Cluster
	// Admin is a client of the first API server that may do everything that admission lets it.
	Admin *rest.Config
	// Client is Admin with the kinds of Kubernetes and of this project.
	Client client.WithWatch
	// Servers are the scim-server processes that Options asked for.
	Servers []*Program
	// Controller is the scim-controller process.
	Controller *Program

	options Options
	dir     string
	root    string
	chart   *chart
	// ports are those of the first server.
	ports []int
	// servers counts all that were started, programs are all that are to be ended.
	servers  int
	programs []*Program
	logs     []*os.File

	stop    sync.Once
	stopErr error
}

// Start starts everything and returns when all programs are ready. ctx bounds the start only. On error nothing is left
// running, and the error names the directory with the logs, which stays.
func Start(ctx context.Context, o Options) (*Stack, error) {
	ctrllog.SetLogger(logr.Discard()) // controller-runtime's client asks loudly for one otherwise
	o.APIServers, o.Servers = max(1, o.APIServers), max(1, o.Servers)
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	var (
		s   *Stack
		err error
	)
	for range startAttempts {
		if s, err = startOnce(ctx, o); !errors.Is(err, cluster.ErrPortTaken) {
			break
		}
	}
	return s, err
}

// Use starts everything, hands it to use, and stops it. The logs stay when that fails, unless ctx ended; the error says where they are.
func Use(ctx context.Context, o Options, use func(ctx context.Context, s *Stack) error) error {
	s, err := Start(ctx, o)
	if err != nil {
		return err
	}
	if err = errors.Join(use(ctx, s), s.Stop()); err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w\nThe logs are in %s", err, s.LogDir())
	}
	return errors.Join(err, s.RemoveLogs())
}

func startOnce(ctx context.Context, o Options) (*Stack, error) {
	s := &Stack{options: o}
	err := s.start(ctx)
	if err == nil {
		return s, nil
	}
	if ctx.Err() != nil || errors.Is(err, cluster.ErrPortTaken) { // nobody will want the logs
		return nil, errors.Join(err, s.Stop(), s.RemoveLogs())
	}
	return nil, errors.Join(fmt.Errorf("start stack (logs in %s): %w", s.LogDir(), err), s.Stop())
}

// LogDir is the directory with one file for each program and one for the control plane.
func (s *Stack) LogDir() string { return filepath.Join(s.dir, "logs") }

// Root is the directory of this repository.
func (s *Stack) Root() string { return s.root }

// PublicURL is where identity providers reach the first server.
func (s *Stack) PublicURL() string { return loopbackURL(s.ports[0]) }

// Stop kills all processes and removes what was written but the logs. It may be called more than once.
func (s *Stack) Stop() error {
	s.stop.Do(func() { s.stopErr = s.shutDown() })
	return s.stopErr
}

// RemoveLogs removes the logs too, once nobody needs them any more.
func (s *Stack) RemoveLogs() error {
	if s.options.Dir == "" {
		return os.RemoveAll(s.dir)
	}
	return os.RemoveAll(s.LogDir())
}

func (s *Stack) shutDown() error {
	var errs []error
	for _, p := range s.programs {
		errs = append(errs, p.Kill(), os.Remove(p.kubeconfig))
	}
	if s.Cluster != nil {
		errs = append(errs, s.Cluster.Stop())
	}
	for _, file := range s.logs {
		errs = append(errs, file.Close())
	}
	return errors.Join(errs...)
}

// start leaves in s whatever it started, for Stop.
func (s *Stack) start(ctx context.Context) error {
	if err := s.prepare(); err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.startCluster(groupCtx) })
	group.Go(func() error { return s.build(groupCtx) })
	if err := group.Wait(); err != nil {
		return err
	}
	s.options.Progress("install the chart")
	if err := s.install(ctx); err != nil {
		return err
	}
	s.options.Progress("start scim-server and scim-controller")
	return s.startPrograms(ctx)
}

// prepare makes the directories and chooses the ports of the first server, which are part of the public URL.
func (s *Stack) prepare() (err error) {
	if s.root, err = Root(); err != nil {
		return err
	}
	if s.dir = s.options.Dir; s.dir == "" {
		s.dir, err = os.MkdirTemp("", "scim-operator-stack-")
	}
	if err == nil {
		s.dir, err = filepath.Abs(s.dir)
	}
	if err == nil {
		err = os.MkdirAll(s.LogDir(), 0o700)
	}
	if err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	s.ports, err = cluster.FreePorts(portsOfServer)
	return err
}

func (s *Stack) startCluster(ctx context.Context) error {
	s.options.Progress("start the control plane")
	log, err := s.logFile("control-plane")
	if err != nil {
		return err
	}
	s.Cluster, err = cluster.Start(ctx, cluster.Options{
		APIServers: s.options.APIServers, ControllerManager: s.options.ControllerManager,
		CRDDirs: []string{filepath.Join(s.root, chartDir, "crds")}, Log: log,
	})
	if err != nil {
		return err
	}
	s.Admin = s.Cluster.AdminConfig(0)
	s.Client, err = newClient(s.Admin)
	return err
}

func newClient(config *rest.Config) (client.WithWatch, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, fmt.Errorf("register kinds: %w", err)
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("make client: %w", err)
	}
	return c, nil
}

// build compiles the programs and renders the chart: both run the go command, which shares its work.
func (s *Stack) build(ctx context.Context) error {
	s.options.Progress("build the programs and render the chart")
	if err := s.compile(ctx); err != nil {
		return err
	}
	var err error
	s.chart, err = s.render(ctx)
	return err
}

// logFile is appended to, so that a restarted program keeps its history.
func (s *Stack) logFile(name string) (*os.File, error) {
	path := filepath.Join(s.LogDir(), name+".log")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	s.logs = append(s.logs, file)
	return file, nil
}
