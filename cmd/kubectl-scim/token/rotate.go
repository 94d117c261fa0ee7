// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
)

func newRotate(e *cli.Env) *cobra.Command {
	p := newPrinter(e)
	c := &cobra.Command{
		Use: "rotate NAME", Short: "Make a new credential beside the old one and show it once",
		Long: "Make a new credential beside the old one and show it once. The old one stays valid until the new one was seen in use and the grace is over, and to the " +
			"deadline at most: see spec.rotation.",
		Example: "  kubectl scim token rotate acme-okta", Args: cobra.ExactArgs(1), ValidArgsFunction: completeTokens(e),
		RunE: func(c *cobra.Command, args []string) error { return rotate(c.Context(), p, args[0]) },
	}
	p.addFlags(c)
	return c
}

func rotate(ctx context.Context, p *printer, name string) error {
	c, err := p.env.Client()
	if err != nil {
		return err
	}
	tok := &v1alpha1.ScimToken{}
	if err := c.Get(ctx, name, tok); err != nil {
		return err
	}
	if tok.Spec.Provided != nil {
		return fmt.Errorf("the Secret %q of this ScimToken is kept by somebody else: rotate the credential there, and the old one stays valid as spec.rotation says", tok.Spec.Provided.SecretName)
	}
	if tok.RevokesAll() {
		return fmt.Errorf("every credential of this ScimToken is revoked, new ones too: make another ScimToken, or take the annotation %s away first", v1alpha1.AnnotationRevoke)
	}
	before := map[string]bool{}
	for _, old := range tok.Status.Credentials {
		before[old.KeyID] = true
	}
	asked := p.env.Clock.Now().UTC().Format(time.RFC3339Nano)
	if err := c.Annotate(ctx, tok, v1alpha1.AnnotationRotate, asked, ""); err != nil {
		return err
	}
	isNew := func(tok *v1alpha1.ScimToken) bool {
		return tok.Status.Rotated == asked && !before[tok.Status.Credentials[0].KeyID]
	}
	if err := p.print(ctx, c, name, isNew); err != nil {
		return err
	}
	return tell(p.env.ErrOut, "Give it to the identity provider. kubectl scim token show "+name+" says until when the old one is valid.")
}

type revokeCommand struct {
	env      *cli.Env
	question cli.Question
	keys     []string
	all      bool
}

func newRevoke(e *cli.Env) *cobra.Command {
	r := &revokeCommand{env: e}
	c := &cobra.Command{
		Use: "revoke NAME (--key-id ID | --all)", Short: "End credentials at once",
		Long: "End credentials at once. scim-server honours it by itself within seconds: the identity provider that uses one gets 401 from then on. With --key-id the others " +
			"stay valid; with --all the token is over, and kubectl scim token create makes another.",
		Example: "  kubectl scim token revoke acme-okta --key-id KTEFVQ7C\n  kubectl scim token revoke acme-okta --all --yes",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: completeTokens(e),
		RunE: func(c *cobra.Command, args []string) error { return r.run(c.Context(), args[0]) },
	}
	r.question.AddFlags(c)
	c.Flags().StringSliceVar(&r.keys, "key-id", nil, "the credential to end, by its key id")
	c.Flags().BoolVar(&r.all, "all", false, "end all credentials of the token")
	c.MarkFlagsMutuallyExclusive("key-id", "all")
	c.MarkFlagsOneRequired("key-id", "all")
	_ = c.RegisterFlagCompletionFunc("key-id", completeKeys(e)) // it is there
	return c
}

func completeKeys(e *cli.Env) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) (keys []cobra.Completion, _ cobra.ShellCompDirective) {
		us, err := e.Client()
		tok := &v1alpha1.ScimToken{}
		if err == nil && len(args) == 1 && us.Get(c.Context(), args[0], tok) == nil {
			keys = keyIDs(tok, e.Clock.Now())
		}
		return keys, cobra.ShellCompDirectiveNoFileComp
	}
}

func (r *revokeCommand) run(ctx context.Context, name string) error {
	c, err := r.env.Client()
	if err != nil {
		return err
	}
	tok := &v1alpha1.ScimToken{}
	if err := c.Get(ctx, name, tok); err != nil {
		return err
	}
	now := r.env.Clock.Now()
	value, ending, err := revocation(tok, r.keys, r.all, now)
	if err != nil {
		return err
	}
	if err := r.question.Ask(r.env, warning(tok, ending, now)); err != nil {
		return err
	}
	// What others revoked meanwhile must not come back, so nobody may have written since.
	if err := c.Annotate(ctx, tok, v1alpha1.AnnotationRevoke, value, tok.ResourceVersion); err != nil {
		return err
	}
	return tell(r.env.Out, fmt.Sprintf("scimtoken/%s: revoked %s", name, strings.Join(ending, ", ")))
}

// revocation is the value of the annotation with what it says already, and which credentials end by it.
func revocation(tok *v1alpha1.ScimToken, keys []string, all bool, now time.Time) (value string, ending []string, err error) {
	valid := keyIDs(tok, now)
	if all {
		if len(valid) == 0 {
			valid = []string{"all that may come"}
		}
		return v1alpha1.RevokeAll, valid, nil
	}
	for _, key := range keys {
		if !slices.Contains(valid, key) {
			return "", nil, fmt.Errorf("the ScimToken has no valid credential %q: it has %s", key, cli.Or(strings.Join(valid, ", ")))
		}
	}
	named := slices.Concat(tok.RevokedKeyIDs(), keys)
	slices.Sort(named)
	return strings.Join(slices.Compact(named), ","), keys, nil
}

// warning is the question, with what is in use.
func warning(tok *v1alpha1.ScimToken, ending []string, now time.Time) string {
	var inUse []string
	for _, c := range tok.Status.Credentials {
		if slices.Contains(ending, c.KeyID) && c.LastUsedAt != nil {
			inUse = append(inUse, fmt.Sprintf("%s was used %s ago", c.KeyID, cli.Ago(now, c.LastUsedAt)))
		}
	}
	question := fmt.Sprintf("End %s of %s at once?", strings.Join(ending, ", "), tok.Name)
	if len(inUse) > 0 {
		question += " " + strings.Join(inUse, ", ") + "."
	}
	if left := len(keyIDs(tok, now)) - len(ending); left <= 0 {
		question += " No credential is left then."
	}
	return question
}
