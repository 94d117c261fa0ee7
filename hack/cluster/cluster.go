// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// startTimeout bounds the start of each process; on an idle machine it takes about three seconds.
	startTimeout = 2 * time.Minute
	// startAttempts bounds how often a start is repeated because a port was taken.
	startAttempts = 5
)

// Options say what Start starts.
type Options struct {
	// APIServers is the number of API servers over the one etcd; 0 means 1.
	APIServers int
	// ControllerManager starts kube-controller-manager with the controllers for namespaces, garbage collection,
	// ServiceAccounts, aggregated ClusterRoles, kube-root-ca.crt, Deployments and ReplicaSets, whose Pods stay Pending. Without it a
	// deleted namespace or owner leaves its contents behind. It talks to API server 0 only.
	ControllerManager bool
	// CRDDirs are applied by InstallCRDs before the controller manager starts: its garbage collector takes up to 30 s
	// to notice a kind that appears later.
	CRDDirs []string
	// Durable has etcd flush every write to the disk. Without it a crash of a process loses nothing, but a crash of
	// the machine does.
	Durable bool
	// Dir holds keys, kubeconfigs and etcd's data, and is made if needed. Data that are there already are kept; keys
	// are made anew, so that kubeconfigs and tokens of an earlier start are void. The default is a temporary directory,
	// removed by Stop.
	Dir string
	// Log receives the output of all processes, line by line. The default discards it.
	Log io.Writer
}

// Cluster is a running control plane. Its methods are safe for concurrent use.
type Cluster struct {
	options   Options
	dir       string
	authority *authority
	admin     keyPair
	urls      []string

	etcd              *Process
	apiServers        []*Process
	controllerManager *Process

	stop    sync.Once
	stopErr error
}

// Start starts a control plane and returns when every API server answers /readyz with 200 and the controller manager is
// healthy. ctx bounds the start only. On error nothing is left running.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	o.APIServers = max(1, o.APIServers)
	if o.Log != nil {
		o.Log = &lockedWriter{to: o.Log}
	}
	var (
		c   *Cluster
		err error
	)
	for range startAttempts {
		if c, err = startOnce(ctx, o); !errors.Is(err, ErrPortTaken) {
			break
		}
	}
	return c, err
}

func startOnce(ctx context.Context, o Options) (*Cluster, error) {
	c := &Cluster{options: o}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start control plane: %w", err), c.Stop())
	}
	return c, nil
}

// Stop kills all processes, frozen ones too, and removes a temporary directory. It may be called more than once.
func (c *Cluster) Stop() error {
	c.stop.Do(func() { c.stopErr = c.shutDown() })
	return c.stopErr
}

// Etcd is the process of the only etcd member.
func (c *Cluster) Etcd() *Process { return c.etcd }

// APIServer is the process of an API server, counted from 0.
func (c *Cluster) APIServer(server int) *Process { return c.apiServers[server] }

// ControllerManager is nil unless Options asked for it.
func (c *Cluster) ControllerManager() *Process { return c.controllerManager }

func (c *Cluster) shutDown() error {
	var errs []error
	for _, p := range append([]*Process{c.controllerManager, c.etcd}, c.apiServers...) {
		if p != nil {
			errs = append(errs, p.retire())
		}
	}
	if c.options.Dir == "" && c.dir != "" {
		errs = append(errs, os.RemoveAll(c.dir))
	}
	return errors.Join(errs...)
}

// start leaves in c whatever it started, for Stop.
func (c *Cluster) start(ctx context.Context) error {
	plan, err := c.prepare()
	if err != nil {
		return err
	}
	if c.etcd, err = c.startProcess(ctx, plan.etcd); err != nil {
		return err
	}
	if err := c.startAPIServers(ctx, plan); err != nil {
		return err
	}
	for _, dir := range c.options.CRDDirs {
		if err := c.InstallCRDs(ctx, dir); err != nil {
			return err
		}
	}
	if c.options.ControllerManager {
		c.controllerManager, err = c.startProcess(ctx, plan.controllerManager)
	}
	return err
}

// prepare makes the directory, the keys and the plan.
func (c *Cluster) prepare() (*plan, error) {
	if err := c.makeDir(); err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	plan, err := newPlan(c.options, c.dir)
	if err != nil {
		return nil, err
	}
	c.urls = plan.apiServerURLs
	if c.authority, err = newAuthority(); err != nil {
		return nil, err
	}
	if c.admin, err = c.authority.client(adminUser, []string{adminGroup}); err != nil {
		return nil, err
	}
	if plan.tls, err = rest.TLSConfigFor(c.AdminConfig(0)); err != nil {
		return nil, fmt.Errorf("make client: %w", err)
	}
	manager, err := c.UserConfig(controllerManagerUser, nil, 0)
	if err != nil {
		return nil, err
	}
	return plan, plan.writeKeys(c.authority, manager)
}

func (c *Cluster) makeDir() error {
	var err error
	if c.dir = c.options.Dir; c.dir == "" {
		c.dir, err = os.MkdirTemp("", "scim-operator-cluster-")
	} else {
		err = os.MkdirAll(c.dir, 0o700)
	}
	if err == nil {
		// The arguments of the processes are the same wherever they run.
		c.dir, err = filepath.Abs(c.dir)
	}
	return err
}

// startAPIServers starts all at the same time and keeps those that started also when another failed.
func (c *Cluster) startAPIServers(ctx context.Context, plan *plan) error {
	processes, errs := make([]*Process, c.options.APIServers), make([]error, c.options.APIServers)
	var group sync.WaitGroup
	for i := range processes {
		group.Go(func() {
			processes[i], errs[i] = c.startProcess(ctx, func() (ProcessConfig, error) { return plan.apiServer(i) })
		})
	}
	group.Wait()
	c.apiServers = processes
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return c.waitDefaultNamespace(ctx)
}

// waitDefaultNamespace closes a gap: /readyz does not wait for the first namespaces.
func (c *Cluster) waitDefaultNamespace(ctx context.Context) error {
	core, err := corev1client.NewForConfig(c.AdminConfig(0))
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	exists := func(ctx context.Context) (bool, error) {
		_, err := core.Namespaces().Get(ctx, metav1.NamespaceDefault, metav1.GetOptions{})
		return err == nil, client.IgnoreNotFound(err)
	}
	return wait.PollUntilContextTimeout(ctx, readyInterval, startTimeout, true, exists)
}

func (c *Cluster) startProcess(ctx context.Context, configure func() (ProcessConfig, error)) (*Process, error) {
	config, err := configure()
	if err != nil {
		return nil, err
	}
	config.Log = c.options.Log
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return StartProcess(ctx, config)
}
