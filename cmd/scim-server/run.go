// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scim-operator/scim-operator/scimserver/auth"
	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/httpapi"
	"github.com/scim-operator/scim-operator/scimserver/metrics"
)

const (
	// shutdownDrain outlasts every request, whose own deadline is the same.
	shutdownDrain = 25 * time.Second
	asideDrain    = time.Second
)

// run serves until ctx ends or something fails that cannot be lived with, and returns nil in the first case.
// The caches and the listeners for health and metrics outlive the SCIM listener: the last requests need them.
func run(ctx context.Context, o options, log *slog.Logger) error {
	counted := metrics.New()
	c, err := connect(ctx, o, counted.APIServer)
	if err != nil {
		return err
	}
	on, err := listen(ctx, o)
	if err != nil {
		return err
	}
	readiness := &httpapi.Readiness{}
	counted.Tell(readiness.Ready, httpapi.DefaultLimits().InFlight)

	background, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	group, background := errgroup.WithContext(background)
	group.Go(func() error { return c.cached.Start(background) })
	group.Go(func() error { return serveAside(background, httpapi.NewHealthHandler(readiness), on.health, log) })
	if on.metrics != nil {
		group.Go(func() error { return serveAside(background, counted.Handler(), on.metrics, log) })
	}
	group.Go(func() error {
		if c.waitReady(background) {
			readiness.Start()
			log.Info("Ready", "listen", on.scim.Addr().String())
			directory.NewJanitor(c.live, c.cached, c.model, c.namespaces).Run(background)
		}
		return nil
	})
	serving, stop := context.WithCancel(ctx)
	defer stop()
	context.AfterFunc(background, stop)
	err = scimServer(o, c, readiness, counted, log).Serve(serving, on.scim)
	end()
	return errors.Join(err, group.Wait())
}

// serveAside serves what is for the cluster and not for identity providers.
func serveAside(ctx context.Context, handler http.Handler, on net.Listener, log *slog.Logger) error {
	return (&httpapi.Server{Handler: handler, Log: log, Drain: asideDrain}).Serve(ctx, on)
}

func scimServer(o options, c *cluster, readiness *httpapi.Readiness, counted *metrics.Metrics, log *slog.Logger) *httpapi.Server {
	return &httpapi.Server{
		Handler: httpapi.NewHandler(httpapi.Options{
			Users:  directory.NewUsers(c.live, c.cached, c.model),
			Groups: directory.NewGroups(c.live, c.cached, c.model),
			Auth:   auth.New(c.cached, c.authSynced, directory.NewProfiles(counted.RuleUsed)),
			Log:    log,
			Began:  counted.RequestBegan,
			Now:    time.Now,
			Limits: httpapi.DefaultLimits(),
			Served: counted.RequestServed,
		}),
		Log:      log,
		Delay:    o.shutdownDelay,
		Drain:    shutdownDrain,
		Stopping: readiness.Stop,
	}
}

// listeners are those of the process; metrics is nil if they are off.
type listeners struct{ scim, health, metrics net.Listener }

// listen opens all listeners or none.
func listen(ctx context.Context, o options) (on listeners, err error) {
	for _, one := range []struct {
		into    *net.Listener
		name    string
		address string
	}{{&on.scim, "SCIM", o.listen}, {&on.health, "health checks", o.healthListen}, {&on.metrics, "metrics", o.metricsListen}} {
		if one.into == &on.metrics && one.address == metricsOff {
			continue
		}
		var config net.ListenConfig
		if *one.into, err = config.Listen(ctx, "tcp", one.address); err != nil {
			return listeners{}, errors.Join(fmt.Errorf("listen for %s: %w", one.name, err), on.close())
		}
	}
	return on, nil
}

func (on listeners) close() error {
	var errs []error
	for _, l := range []net.Listener{on.scim, on.health, on.metrics} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}
