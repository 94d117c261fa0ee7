// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/table"
)

func newShow(e *cli.Env) *cobra.Command {
	output := cli.NewOutput(cli.FormatTable, cli.FormatWide, cli.FormatJSON, cli.FormatYAML)
	c := &cobra.Command{
		Use: "show NAME", Short: "Show the credentials of a token, without the secrets",
		Example: "  kubectl scim token show acme-okta", Args: cobra.ExactArgs(1), ValidArgsFunction: completeTokens(e),
		RunE: func(c *cobra.Command, args []string) error {
			us, err := e.Client()
			if err != nil {
				return err
			}
			tok := &v1alpha1.ScimToken{}
			if err := us.Get(c.Context(), args[0], tok); err != nil {
				return err
			}
			if !output.ForPeople() {
				return cli.Objects(output, us, e.Out, []*v1alpha1.ScimToken{tok})
			}
			if _, err := fmt.Fprint(e.Out, describe(tok, e.Clock.Now())); err != nil {
				return err
			}
			return output.Table(e.Out, credentialsTable(tok, e.Clock.Now()))
		},
	}
	output.AddFlags(c)
	return c
}

// describe is what a token is, a line for each thing.
func describe(tok *v1alpha1.ScimToken, now time.Time) string {
	var b strings.Builder
	line := func(key, value string) { fmt.Fprintf(&b, "%-11s %s\n", key+":", table.Safe(value)) }
	line("Token", fmt.Sprintf("%s, %s, of the directory %s", tok.Name, tok.Spec.Type, tok.Spec.DirectoryRef.Name))
	line("Ready", readiness(tok))
	line("Scopes", scopes(tok))
	line("Expires", Expires(tok, now))
	line("Secret", cli.Or(tok.Status.SecretName))
	if text := Remarks(tok); text != "" {
		line("Remarks", text)
	}
	b.WriteString("\n")
	return b.String()
}

func readiness(tok *v1alpha1.ScimToken) string {
	for _, c := range tok.Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return cli.Ready(tok.Status.Conditions) + ": " + c.Message
		}
	}
	return "-"
}

func credentialsTable(tok *v1alpha1.ScimToken, now time.Time) *table.Table {
	t := table.New("Key ID", "Issued", "Used", "Ends", "Accepted", "+User Name")
	for i := range tok.Status.Credentials {
		c := &tok.Status.Credentials[i]
		accepted, ends := "yes", ""
		if isDead(tok, c, now) {
			accepted = "no"
		}
		if c.NotAfter != nil {
			ends = c.NotAfter.UTC().Format(time.RFC3339)
		}
		t.Add(c.KeyID, stamp(c.IssuedAt), cli.Ago(now, c.LastUsedAt), ends, accepted, c.Username)
	}
	return t
}

func stamp(at metav1.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}
