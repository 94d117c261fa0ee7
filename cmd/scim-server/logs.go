// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"log/slog"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
)

// setUpLogs sends every log of the process to w as JSON lines. Those of the Kubernetes libraries are cut off above V(0),
// whatever the level of ours: from V(6) on client-go logs URLs, which hold userNames, and from V(8) on bodies.
func setUpLogs(w io.Writer, level slog.Level) *slog.Logger {
	handler := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})
	log := slog.New(handler)
	libraries := slog.New(quiet{handler})
	slog.SetDefault(log)
	klog.SetSlogLogger(libraries)
	ctrllog.SetLogger(logr.FromSlogHandler(libraries.Handler()))
	return log
}

// quiet is a handler without the levels below Info.
type quiet struct{ slog.Handler }

// Enabled implements slog.Handler.
func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo && q.Handler.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
