// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"

	"github.com/scim-operator/scim-operator/scimserver/auth"
	"github.com/scim-operator/scim-operator/scimserver/auth/jwt"
	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/httpapi"
	"github.com/scim-operator/scim-operator/scimserver/metrics"
)

const (
	// shutdownDrain outlasts every request, whose own deadline is the same.
	shutdownDrain = 25 * time.Second
	asideDrain    = time.Second
)

// parts are what a server has beside its cluster.
type parts struct {
	readiness   *httpapi.Readiness
	counted     *metrics.Metrics
	uses        *auth.Uses
	changes     auditing
	certificate *certwatcher.CertWatcher // nil without TLS
}

// run serves until ctx ends or something fails that cannot be lived with, and returns nil in the first case.
// The caches and the listeners for health and metrics outlive the SCIM listener: the last requests need them.
func run(ctx context.Context, o options, stdout io.Writer, log *slog.Logger) error {
	counted := metrics.New()
	c, err := connect(ctx, o, counted.APIServer)
	if err != nil {
		return err
	}
	p := parts{readiness: &httpapi.Readiness{}, counted: counted, uses: auth.NewUses(c.live)}
	if p.certificate, err = watchCertificate(o.tlsCertDir); err != nil {
		return err
	}
	p.changes, err = openAudit(o.auditLog, stdout, p.counted, log)
	if err != nil {
		return err
	}
	on, err := listen(ctx, o)
	if err != nil {
		return errors.Join(err, p.changes.close())
	}
	counted.Tell(p.readiness.Ready, httpapi.DefaultLimits().InFlight)

	background, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	group, background := errgroup.WithContext(background)
	group.Go(func() error { return c.cached.Start(background) })
	group.Go(func() error { return c.credentials.Run(background, c.confirming, log) })
	group.Go(func() error { p.uses.Run(background, log); return nil })
	group.Go(func() error { return serveAside(background, httpapi.NewHealthHandler(p.readiness), on.health, log) })
	if p.certificate != nil {
		group.Go(func() error { return p.certificate.Start(background) })
	}
	if on.metrics != nil {
		group.Go(func() error { return serveAside(background, p.counted.Handler(), on.metrics, log) })
	}
	group.Go(func() error {
		if c.waitReady(background) {
			p.readiness.Start()
			log.Info("Ready", "listen", on.scim.Addr().String())
			directory.NewJanitor(c.live, c.cached, c.model, c.namespaces).Run(background)
		}
		return nil
	})
	serving, stop := context.WithCancel(ctx)
	defer stop()
	context.AfterFunc(background, stop)
	err = scimServer(o, c, p, log).Serve(serving, on.scim)
	end()
	return errors.Join(err, group.Wait(), p.changes.close())
}

// serveAside serves what is for the cluster and not for identity providers.
func serveAside(ctx context.Context, handler http.Handler, on net.Listener, log *slog.Logger) error {
	return (&httpapi.Server{Handler: handler, Log: log, Drain: asideDrain}).Serve(ctx, on)
}

// patience is longer than most an API server takes to come back to itself, and leaves the request time for its work.
const patience = 10 * time.Second

func authenticator(c *cluster, p parts) *auth.Authenticator {
	return auth.New(auth.Options{
		Table: c.credentials, Profiles: directory.NewProfiles(p.counted.RuleUsed), Now: time.Now, Used: p.uses.Add,
		JWT: &jwt.Verifier{}, Patience: patience,
	})
}

func scimServer(o options, c *cluster, p parts, log *slog.Logger) *httpapi.Server {
	server := &httpapi.Server{
		Handler: httpapi.NewHandler(httpapi.Options{
			Users:  directory.NewUsers(c.live, c.cached, c.model),
			Groups: directory.NewGroups(c.live, c.cached, c.model),
			Auth:   authenticator(c, p),
			Log:    log,
			Began:  p.counted.RequestBegan,
			Now:    time.Now,
			Limits: httpapi.DefaultLimits(),
			Served: p.counted.RequestServed,
			Audit:  p.changes.record(),

			TrustedProxies: o.proxies,
		}),
		Log:      log,
		Delay:    o.shutdownDelay,
		Drain:    shutdownDrain,
		Stopping: p.readiness.Stop,
	}
	if p.certificate != nil {
		server.Certificate = p.certificate.GetCertificate
	}
	return server
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
