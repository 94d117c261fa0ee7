// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command scim-controller turns ScimUsers and ScimGrants into accounts in applications. It is the only place that names the
// connectors. Any number of replicas may run; one leads.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager/signals"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
)

type options struct {
	kubeconfig      string
	publicURL       string
	namespaces      string
	leaderElect     bool
	leaderNamespace string
	health          string
	metrics         string
	resync          time.Duration
	logLevel        slog.Level
	egress          egress.Policy
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("scim-controller", flag.ContinueOnError)
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig file; empty means the cluster that the program runs in")
	f.StringVar(&o.publicURL, "public-url", "", "where identity providers reach scim-server, for a ScimDirectory without spec.publicURL")
	f.StringVar(&o.namespaces, "namespaces", "", "comma-separated namespaces to work in; empty means all")
	f.BoolVar(&o.leaderElect, "leader-elect", true, "let one of several replicas lead")
	f.StringVar(&o.leaderNamespace, "leader-election-namespace", "", "namespace of the Lease; empty means that of the program")
	f.StringVar(&o.health, "health-listen", ":8082", "address of /healthz and /readyz")
	f.StringVar(&o.metrics, "metrics-listen", "0", "address of /metrics; 0 means off")
	f.DurationVar(&o.resync, "resync", 10*time.Minute, "how often accounts are compared with the applications when nothing happens")
	f.TextVar(&o.logLevel, "log-level", slog.LevelInfo, "debug, info, warn or error")
	f.Func("allow-egress", "network that connectors and issuers of tokens may be in although it is loopback or link-local, such as 127.0.0.1/32; may be repeated", func(s string) error {
		network, err := netip.ParsePrefix(s)
		o.egress.Allow = append(o.egress.Allow, network)
		return err
	})
	err := f.Parse(args)
	return o, err
}

func main() {
	o, err := parse(os.Args[1:])
	if err != nil {
		os.Exit(2)
	}
	log := logr.FromSlogHandler(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: o.logLevel}))
	ctrl.SetLogger(log)
	klog.SetLogger(log.V(1)) // client-go speaks at debug level only
	if err := run(signals.SetupSignalHandler(), o); err != nil {
		log.Error(err, "Stopped")
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	config, err := restConfig(o.kubeconfig)
	if err != nil {
		return err
	}
	mgr, err := newManager(config, o)
	if err != nil {
		return err
	}
	if err := controllers.Setup(ctx, mgr, controllers.Options{
		PublicURL: o.publicURL, Openers: openers(config, o.egress), Resync: o.resync, Egress: o.egress,
	}); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

func restConfig(kubeconfig string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("find the API server (give --kubeconfig outside a cluster): %w", err)
	}
	config.QPS = -1 // the API server's priority and fairness is the better judge
	config.UserAgent = "scim-controller"
	return config, nil
}

func newManager(config *rest.Config, o options) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, err
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                        scheme,
		Cache:                         cache.Options{DefaultNamespaces: namespaces(o.namespaces), DefaultTransform: cache.TransformStripManagedFields()},
		Client:                        client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: ptr.To(true)}},
		Metrics:                       metricsserver.Options{BindAddress: o.metrics},
		HealthProbeBindAddress:        o.health,
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              "scim-controller." + v1alpha1.Group,
		LeaderElectionNamespace:       o.leaderNamespace,
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return nil, err
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return nil, err
	}
	return mgr, mgr.AddReadyzCheck("ping", healthz.Ping)
}

func namespaces(list string) map[string]cache.Config {
	byName := map[string]cache.Config{}
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			byName[name] = cache.Config{}
		}
	}
	if len(byName) == 0 {
		return nil
	}
	return byName
}
