// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package verify plays what identity providers send through the public URL, against a directory that is made for it, and says what stands in
// the way: what a proxy drops, changes or answers itself.
//
//	scratch ── a ScimDirectory and a ScimToken, deleted afterwards
//	play    ── exchanges of Okta, Entra ID and OneLogin, each with what must come back
//	diagnose ─ an answer → what is wrong, in words that lead to what must change
package verify

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/table"
)

// cleanTimeout bounds the clean-up, which goes on after Ctrl-C.
const cleanTimeout = 30 * time.Second

type command struct {
	env      *cli.Env
	output   *cli.Output
	patience cli.Patience
	url      string
}

// New returns the command.
func New(e *cli.Env) *cobra.Command {
	r := &command{env: e, output: cli.NewOutput(cli.FormatTable, cli.FormatJSON, cli.FormatYAML)}
	c := &cobra.Command{
		Use: "verify", Short: "Play identity providers through the public URL, and say what a proxy breaks",
		Long: "Make a scratch directory with a token, send through its public URL what Okta, Entra ID and OneLogin send when their connection is tested and somebody " +
			"joins, changes and leaves, and delete the directory again. No account is touched: no application refers to it. The exit code is 2 if something is wrong.",
		Example: "  kubectl scim verify -n acme\n  kubectl scim verify -n acme --url https://scim.example.com",
		Args:    cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error { return r.run(c.Context()) },
	}
	r.output.AddFlags(c)
	r.patience.AddTimeout(c)
	c.Flags().StringVar(&r.url, "url", "", "the public URL to go through; without it the one that directories get without spec.publicURL")
	return c
}

func (r *command) run(ctx context.Context) (err error) {
	c, err := r.env.Client()
	if err != nil {
		return err
	}
	scratch := metav1.ObjectMeta{Namespace: c.Namespace, Name: "verify-" + uuid.NewString()[:8]}
	defer func() { err = errors.Join(err, sweep(ctx, c, scratch)) }()
	base, token, err := r.prepare(ctx, c, scratch)
	if err != nil {
		return err
	}
	if err := awaitToken(ctx, r.patience, base, token); err != nil {
		return err
	}
	return r.report(base, Play(ctx, base, token))
}

// prepare makes the directory and its token, and returns the base URL and the token once both are ready.
func (r *command) prepare(ctx context.Context, c *cli.Client, scratch metav1.ObjectMeta) (base, token string, err error) {
	directory := &v1alpha1.ScimDirectory{ObjectMeta: scratch, Spec: v1alpha1.ScimDirectorySpec{PublicURL: strings.TrimSuffix(r.url, "/")}}
	tok := &v1alpha1.ScimToken{ObjectMeta: scratch, Spec: v1alpha1.ScimTokenSpec{DirectoryRef: v1alpha1.LocalReference{Name: scratch.Name}}}
	if err := errors.Join(c.Create(ctx, directory), c.Create(ctx, tok)); err != nil {
		return "", "", err
	}
	secret := &corev1.Secret{}
	err = r.patience.Until(ctx, "the scratch directory and its token", func(ctx context.Context) (bool, error) {
		if err := errors.Join(c.Get(ctx, scratch.Name, directory), c.Get(ctx, scratch.Name, tok)); err != nil {
			return false, err
		}
		if directory.Status.URL == "" || len(tok.Status.Credentials) == 0 {
			return false, nil
		}
		return c.Find(ctx, tok.Status.SecretName, secret)
	})
	if err != nil {
		return "", "", err
	}
	if at, err := url.Parse(directory.Status.URL); err != nil || at.Host == "" {
		return "", "", errors.New("scim-controller knows no public URL: say --url, or set publicURL of the chart")
	}
	return directory.Status.URL, string(secret.Data["token"]), nil
}

// awaitToken waits while scim-server has not heard of the token, as far as that can be told.
func awaitToken(ctx context.Context, patience cli.Patience, base, token string) error {
	return patience.Until(ctx, "scim-server to know the token", func(ctx context.Context) (bool, error) {
		answer, err := idp.New(base, token).Get(ctx, "/ServiceProviderConfig")
		waiting := err == nil && answer.Status == 401 && strings.Contains(answer.Header.Get("Www-Authenticate"), "error=")
		return !waiting, nil // everything else is a finding
	})
}

// sweep deletes what prepare made. Users and groups went over SCIM.
func sweep(ctx context.Context, c *cli.Client, scratch metav1.ObjectMeta) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
	defer cancel()
	return errors.Join(c.Delete(ctx, &v1alpha1.ScimToken{ObjectMeta: scratch}), c.Delete(ctx, &v1alpha1.ScimDirectory{ObjectMeta: scratch}))
}

func (r *command) report(base string, findings []Finding) error {
	var problems int
	t := table.New("Provider", "Check", "Result")
	for _, f := range findings {
		result := "ok"
		if f.Problem != "" {
			problems++
			result = f.Problem
		}
		t.Add(f.Provider, f.Check, result)
	}
	if !r.output.ForPeople() {
		if err := r.output.View(r.env.Out, map[string]any{"url": base, "findings": findings}); err != nil {
			return err
		}
		return attention(problems)
	}
	if err := r.output.Table(r.env.Out, t); err != nil {
		return err
	}
	place, _, _ := strings.Cut(base, v1alpha1.BasePath)
	_, err := fmt.Fprintf(r.env.Out, "\n%d of %d checks through %s found a problem.\n", problems, len(findings), table.Safe(place))
	return errors.Join(err, attention(problems))
}

func attention(problems int) error {
	if problems > 0 {
		return cli.ErrAttention
	}
	return nil
}
