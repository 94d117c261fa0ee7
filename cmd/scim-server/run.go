// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scim-operator/scim-operator/scimserver/auth"
	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/httpapi"
)

const (
	// shutdownDrain outlasts every request, whose own deadline is the same.
	shutdownDrain = 25 * time.Second
	healthDrain   = time.Second
)

// run serves until ctx ends or something fails that cannot be lived with, and returns nil in the first case.
// The caches and the health listener outlive the SCIM listener: the last requests need them.
func run(ctx context.Context, o options, log *slog.Logger) error {
	c, err := connect(ctx, o)
	if err != nil {
		return err
	}
	scim, health, err := listen(ctx, o)
	if err != nil {
		return err
	}
	readiness := &httpapi.Readiness{}

	background, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	group, background := errgroup.WithContext(background)
	group.Go(func() error { return c.cached.Start(background) })
	group.Go(func() error {
		return (&httpapi.Server{Handler: httpapi.NewHealthHandler(readiness), Log: log, Drain: healthDrain}).Serve(background, health)
	})
	group.Go(func() error {
		if c.waitReady(background) {
			readiness.Start()
			log.Info("Ready", "listen", scim.Addr().String())
			directory.NewJanitor(c.live, c.cached, c.model).Run(background)
		}
		return nil
	})
	serving, stop := context.WithCancel(ctx)
	defer stop()
	context.AfterFunc(background, stop)
	err = scimServer(o, c, readiness, log).Serve(serving, scim)
	end()
	return errors.Join(err, group.Wait())
}

func scimServer(o options, c *cluster, readiness *httpapi.Readiness, log *slog.Logger) *httpapi.Server {
	return &httpapi.Server{
		Handler: httpapi.NewHandler(httpapi.Options{
			Users:  directory.NewUsers(c.live, c.cached, c.model),
			Groups: directory.NewGroups(c.live, c.cached, c.model),
			Auth:   auth.New(c.cached, c.authSynced, directory.NewProfiles(nil)),
			Log:    log,
			Now:    time.Now,
			Limits: httpapi.DefaultLimits(),
		}),
		Log:      log,
		Delay:    o.shutdownDelay,
		Drain:    shutdownDrain,
		Stopping: readiness.Stop,
	}
}

func listen(ctx context.Context, o options) (scim, health net.Listener, err error) {
	var config net.ListenConfig
	if scim, err = config.Listen(ctx, "tcp", o.listen); err != nil {
		return nil, nil, fmt.Errorf("listen for SCIM: %w", err)
	}
	if health, err = config.Listen(ctx, "tcp", o.healthListen); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("listen for health checks: %w", err), scim.Close())
	}
	return scim, health, nil
}
