// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command scim-server is where identity providers speak SCIM to the cluster. It writes what they say into ScimUsers and
// ScimGroups and decides nothing about accounts; scim-controller does. Any number of replicas may run, all of them active.
//
// It needs no Secret: bearer tokens are checked against the hashes in ScimToken.status.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/scim-operator/scim-operator/scimserver/httpapi"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	// A reader of the audit log that goes away must not end the process: what cannot be written is counted.
	signal.Ignore(syscall.SIGPIPE)
	// A second signal kills: the first one may have met something that never ends.
	context.AfterFunc(ctx, stop)
	err := command(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		os.Exit(1)
	}
}

// command runs scim-server with these arguments until ctx ends, and returns nil if it ended well. What went wrong is on
// stderr already.
func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	log := setUpLogs(stderr, o.logLevel)
	if err := run(ctx, o, stdout, log); err != nil {
		log.Error("Stopped", "error", err)
		return err
	}
	log.Info("Stopped")
	return nil
}

// metricsOff is the metricsListen that listens nowhere, as scim-controller has it.
const metricsOff = "0"

// auditStdout is the auditLog that goes to stdout. The log goes to stderr.
const auditStdout = "-"

// options are the flags.
type options struct {
	kubeconfig    string
	listen        string
	healthListen  string
	metricsListen string
	namespaces    []string
	proxies       []netip.Prefix
	tlsCertDir    string
	auditLog      string
	shutdownDelay time.Duration
	logLevel      slog.Level
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	var namespaces, proxies string
	flags := flag.NewFlagSet("scim-server", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "path of a kubeconfig; empty means the ServiceAccount of this Pod")
	flags.StringVar(&o.listen, "listen", ":8080", "address of SCIM; plain HTTP, so that TLS ends at the Ingress, unless --tls-cert-dir is given")
	flags.StringVar(&o.tlsCertDir, "tls-cert-dir", "", "directory with tls.crt and tls.key, which are read again when they change; empty means plain HTTP")
	flags.StringVar(&proxies, "trusted-proxies", "", "networks, separated by commas, of the proxies whose X-Forwarded-For says where a request comes from; empty means none")
	flags.StringVar(&o.healthListen, "health-listen", ":8081", "address of /healthz and /readyz")
	flags.StringVar(&o.metricsListen, "metrics-listen", metricsOff, "address of /metrics; "+metricsOff+" means off")
	flags.StringVar(&namespaces, "namespaces", "", "namespaces to serve, separated by commas; empty means all")
	flags.StringVar(&o.auditLog, "audit-log", auditStdout, "file that a line of JSON is appended to for every change over SCIM; "+auditStdout+" means stdout, empty means off")
	flags.DurationVar(&o.shutdownDelay, "shutdown-delay", 5*time.Second, "how long to go on serving after SIGTERM, until nothing more is sent here")
	flags.TextVar(&o.logLevel, "log-level", slog.LevelInfo, "DEBUG, INFO, WARN or ERROR")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	var err error
	if flags.NArg() > 0 {
		err = fmt.Errorf("parse flags: unexpected argument %q", flags.Arg(0))
	} else if o.proxies, err = httpapi.ParseProxies(splitList(proxies)); err != nil {
		err = fmt.Errorf("parse flags: --trusted-proxies: %w", err)
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return options{}, err
	}
	o.namespaces = splitList(namespaces)
	return o, nil
}

func splitList(s string) []string {
	var out []string
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}
