// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package token makes, shows, rotates and revokes the credentials of identity providers. A credential is shown once, by the command that
// made it; after that there is its key id.
package token

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/table"
)

// New returns the command token with its subcommands.
func New(e *cli.Env) *cobra.Command {
	c := &cobra.Command{
		Use: "token", Aliases: []string{"tokens"}, Short: "Make, show, rotate and revoke the credentials of identity providers",
		Long: "Make, show, rotate and revoke the credentials with which identity providers reach a directory. A credential is shown once, when it is made.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newCreate(e), newList(e), newShow(e), newRotate(e), newRevoke(e))
	return c
}

// completeTokens completes with the names of ScimTokens.
func completeTokens(e *cli.Env) cobra.CompletionFunc {
	return cli.Complete(cli.Names(e, &v1alpha1.ScimTokenList{}, cli.NameOf[*v1alpha1.ScimToken]))
}

// isDead reports whether a credential of a token is accepted no more: it was revoked, or its time is over, or its token goes.
func isDead(tok *v1alpha1.ScimToken, credential *v1alpha1.TokenCredential, now time.Time) bool {
	return !tok.DeletionTimestamp.IsZero() || tok.Revokes(credential.KeyID) || v1alpha1.HasEnded(tok.NotAfter(credential), now)
}

// lastUse is when any credential was used last.
func lastUse(tok *v1alpha1.ScimToken) (last *metav1.Time) {
	for i := range tok.Status.Credentials {
		if used := tok.Status.Credentials[i].LastUsedAt; used != nil && (last == nil || last.Before(used)) {
			last = used
		}
	}
	return last
}

// keyIDs are those of the credentials that are accepted, the newest first.
func keyIDs(tok *v1alpha1.ScimToken, now time.Time) (keys []string) {
	for i := range tok.Status.Credentials {
		if c := &tok.Status.Credentials[i]; !isDead(tok, c, now) {
			keys = append(keys, c.KeyID)
		}
	}
	return keys
}

// Remarks are what the conditions say beside Ready, in a word each.
func Remarks(tok *v1alpha1.ScimToken) string {
	var words []string
	for condition, word := range map[string]string{
		v1alpha1.ConditionExpiring: "expiring", v1alpha1.ConditionRotating: "rotating", v1alpha1.ConditionUnused: "unused",
	} {
		if c := meta.FindStatusCondition(tok.Status.Conditions, condition); c != nil && c.Status == metav1.ConditionTrue {
			words = append(words, word+" ("+c.Reason+")")
		}
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

type listCommand struct {
	env        *cli.Env
	output     *cli.Output
	namespaces cli.Namespaces
}

func newList(e *cli.Env) *cobra.Command {
	l := &listCommand{env: e, output: cli.NewOutput(cli.FormatTable, cli.FormatWide, cli.FormatCSV, cli.FormatName, cli.FormatJSON, cli.FormatYAML)}
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List tokens: which directory, since when unused, until when valid",
		Example: "  kubectl scim token list -A", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return l.run(c) },
	}
	l.output.AddFlags(c)
	l.namespaces.AddFlags(c)
	return c
}

func (l *listCommand) run(command *cobra.Command) error {
	c, err := l.env.ClientFor(l.namespaces)
	if err != nil {
		return err
	}
	tokens, err := cli.All[*v1alpha1.ScimToken](command.Context(), c, &v1alpha1.ScimTokenList{})
	switch {
	case err != nil:
		return err
	case !l.output.ForPeople() && l.output.Format != cli.FormatCSV:
		return cli.Objects(l.output, c, l.env.Out, tokens)
	case len(tokens) == 0 && l.output.ForPeople():
		_, err = fmt.Fprintln(l.env.ErrOut, "There are no tokens: kubectl scim token create makes one.")
		return err
	}
	return l.output.Table(l.env.Out, tokensTable(tokens, l.namespaces.All, l.env.Clock.Now()))
}

func tokensTable(tokens []*v1alpha1.ScimToken, namespaces bool, now time.Time) *table.Table {
	columns := []string{"Name", "Directory", "Type", "Ready", "Used", "Expires", "Remarks", "+Key IDs", "+Scopes", "+Secret"}
	if namespaces {
		columns = append([]string{"Namespace"}, columns...)
	}
	t := table.New(columns...)
	for _, tok := range tokens {
		row := []string{
			tok.Name, tok.Spec.DirectoryRef.Name, string(tok.Spec.Type), cli.Ready(tok.Status.Conditions), Used(tok, now), Expires(tok, now), Remarks(tok),
			strings.Join(keyIDs(tok, now), ","), scopes(tok), tok.Status.SecretName,
		}
		if namespaces {
			row = append([]string{tok.Namespace}, row...)
		}
		t.Add(row...)
	}
	return t
}

// Used is how long ago a credential was used last.
func Used(tok *v1alpha1.ScimToken, now time.Time) string {
	if last := lastUse(tok); last != nil {
		return cli.Ago(now, last) + " ago"
	}
	return "never"
}

// Expires is in how long spec.expiresAt ends a token.
func Expires(tok *v1alpha1.ScimToken, now time.Time) string {
	switch at := tok.Spec.ExpiresAt; {
	case at == nil:
		return "never"
	case !now.Before(at.Time):
		return "expired"
	default:
		return "in " + cli.Left(now, at.Time)
	}
}

func scopes(tok *v1alpha1.ScimToken) string {
	if len(tok.Spec.Scopes) == 0 {
		return "everything"
	}
	names := make([]string, len(tok.Spec.Scopes))
	for i, scope := range tok.Spec.Scopes {
		names[i] = string(scope)
	}
	return strings.Join(names, ",")
}
