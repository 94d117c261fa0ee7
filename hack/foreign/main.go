// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command foreign runs SCIM clients and implementations of other people against the product: see README.md. It needs node
// and npm, and reaches the npm registry.
//
// Environment: CASES and SEED, how many filters and patches are compared and which.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/stack"
)

const (
	// namespace makes the SCIM base URL what GitHub's client expects: /scim/v2/enterprises/{enterprise}.
	namespace = "enterprises"
	directory = "foreign"
	tokenName = "foreign"
	// readyTimeout bounds the wait for the directory, which takes about a second.
	readyTimeout = time.Minute
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "foreign:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	root, err := stack.Root()
	if err != nil {
		return err
	}
	here := filepath.Join(root, "hack", "foreign")
	if err := command(ctx, here, nil, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"); err != nil {
		return err
	}
	return errors.Join(runOracle(ctx, here), runClients(ctx, here))
}

// runOracle compares without a server.
func runOracle(ctx context.Context, here string) (err error) {
	dir, err := os.MkdirTemp("", "scim-operator-foreign-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	oracle := filepath.Join(dir, "oracle")
	if err := command(ctx, here, nil, "go", "build", "-o", oracle, "./oracle"); err != nil {
		return err
	}
	return command(ctx, here, []string{"ORACLE=" + oracle}, "node", "oracle.mjs")
}

func runClients(ctx context.Context, here string) (err error) {
	s, err := stack.Start(ctx, stack.Options{Progress: func(what string) { fmt.Println("•", what) }})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop(), s.RemoveLogs()) }()
	token, err := addDirectory(ctx, s)
	if err != nil {
		return err
	}
	environment := []string{"SCIM_BASE_URL=" + s.Servers[0].BaseURL(namespace, directory), "SCIM_TOKEN=" + token}
	return command(ctx, here, environment, "node", "client.mjs")
}

// addDirectory makes a directory and returns its token once the server accepts it.
func addDirectory(ctx context.Context, s *stack.Stack) (token string, err error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	at := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: namespace, Name: name} }
	scimToken := &v1alpha1.ScimToken{
		ObjectMeta: at(tokenName), Spec: v1alpha1.ScimTokenSpec{DirectoryRef: v1alpha1.LocalReference{Name: directory}},
	}
	err = errors.Join(s.CreateNamespace(ctx, namespace), s.Client.Create(ctx, &v1alpha1.ScimDirectory{ObjectMeta: at(directory)}),
		s.Client.Create(ctx, scimToken))
	if err == nil {
		err = s.WaitReady(ctx, scimToken)
	}
	if err != nil {
		return "", err
	}
	if token, err = s.Token(ctx, namespace, tokenName); err != nil {
		return "", err
	}
	return token, s.WaitServed(ctx, namespace, directory, token)
}

// command runs a program in dir with more environment, and shows what it says.
func command(ctx context.Context, dir string, environment []string, name string, args ...string) error {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.Env, c.Stdout, c.Stderr = dir, append(os.Environ(), environment...), os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
