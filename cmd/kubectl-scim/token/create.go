// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
)

type createCommand struct {
	env        *cli.Env
	printer    *printer
	directory  string
	kind       string
	username   string
	secretName string
	expiresAt  string
	expiresIn  string
	scopes     []string
}

func newCreate(e *cli.Env) *cobra.Command {
	r := &createCommand{env: e, printer: newPrinter(e)}
	c := &cobra.Command{
		Use: "create NAME", Short: "Make a token and show it once",
		Long: "Make a ScimToken, wait until its credential is valid, and show it once, with the URL to paste beside it. What is shown for people is on stdout; " +
			"-o json is for programs.",
		Example: "  kubectl scim token create acme-okta --directory acme\n  kubectl scim token create acme-legacy --type Basic --expires-in 90d\n" +
			"  kubectl scim token create acme-reader --scopes users:read,groups:read --delete-secret -o json",
		Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error { return r.run(c.Context(), args[0]) },
	}
	r.printer.addFlags(c)
	flags := c.Flags()
	flags.StringVarP(&r.directory, "directory", "d", "", "the ScimDirectory that it opens; without it the only one of the namespace")
	flags.StringVar(&r.kind, "type", string(v1alpha1.TokenBearer), "Bearer, or Basic for a user name and a password")
	flags.StringVar(&r.username, "username", "", "the user name of type Basic; without it the name of the token")
	flags.StringVar(&r.secretName, "secret-name", "", "the Secret to make; without it the name of the token")
	flags.StringVar(&r.expiresAt, "expires-at", "", "when it ends, such as 2027-01-31T00:00:00Z; without it never")
	flags.StringVar(&r.expiresIn, "expires-in", "", "after how long it ends, such as 90d or 12h")
	flags.StringSliceVar(&r.scopes, "scopes", nil, "what it may be used for: users:read, users:write, groups:read, groups:write; without it everything")
	c.MarkFlagsMutuallyExclusive("expires-at", "expires-in")
	_ = c.RegisterFlagCompletionFunc("directory", cli.Names(e, &v1alpha1.ScimDirectoryList{}, cli.NameOf[*v1alpha1.ScimDirectory])) // they are there
	_ = c.RegisterFlagCompletionFunc("type", cobra.FixedCompletions([]string{string(v1alpha1.TokenBearer), string(v1alpha1.TokenBasic)}, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("scopes", cobra.FixedCompletions(allScopes(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

func allScopes() []string {
	return []string{string(v1alpha1.ScopeUsersRead), string(v1alpha1.ScopeUsersWrite), string(v1alpha1.ScopeGroupsRead), string(v1alpha1.ScopeGroupsWrite)}
}

func (r *createCommand) run(ctx context.Context, name string) error {
	c, err := r.env.Client()
	if err != nil {
		return err
	}
	if r.directory == "" {
		if r.directory, err = onlyDirectory(ctx, c); err != nil {
			return err
		}
	} else if err := c.Get(ctx, r.directory, &v1alpha1.ScimDirectory{}); err != nil {
		return err
	}
	spec, err := r.spec(r.env.Clock.Now())
	if err != nil {
		return err
	}
	tok := &v1alpha1.ScimToken{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: name}, Spec: spec}
	if err := c.Create(ctx, tok); err != nil {
		return err
	}
	return r.printer.print(ctx, c, name, func(now *v1alpha1.ScimToken) bool { return now.UID == tok.UID })
}

// onlyDirectory is the one of the namespace, if there is one.
func onlyDirectory(ctx context.Context, c *cli.Client) (string, error) {
	directories, err := cli.All[*v1alpha1.ScimDirectory](ctx, c, &v1alpha1.ScimDirectoryList{})
	switch {
	case err != nil:
		return "", err
	case len(directories) == 0:
		return "", fmt.Errorf("there is no ScimDirectory in the namespace %q: make one first, or use another -n", c.Namespace)
	case len(directories) > 1:
		names := make([]string, len(directories))
		for i, directory := range directories {
			names[i] = directory.Name
		}
		return "", fmt.Errorf("there are several directories in the namespace %q: say --directory, one of %s", c.Namespace, strings.Join(names, ", "))
	}
	return directories[0].Name, nil
}

func (r *createCommand) spec(now time.Time) (spec v1alpha1.ScimTokenSpec, err error) {
	spec = v1alpha1.ScimTokenSpec{
		DirectoryRef: v1alpha1.LocalReference{Name: r.directory}, Type: v1alpha1.TokenType(r.kind), Username: r.username, SecretName: r.secretName,
	}
	for _, scope := range r.scopes {
		spec.Scopes = append(spec.Scopes, v1alpha1.TokenScope(scope))
	}
	switch {
	case r.expiresAt != "":
		at, err := time.Parse(time.RFC3339, r.expiresAt)
		if err != nil {
			return spec, fmt.Errorf("--expires-at is a time such as 2027-01-31T00:00:00Z, and not %q", r.expiresAt)
		}
		spec.ExpiresAt = &metav1.Time{Time: at}
	case r.expiresIn != "":
		life, err := span(r.expiresIn)
		if err != nil {
			return spec, err
		}
		spec.ExpiresAt = &metav1.Time{Time: now.Add(life).Truncate(time.Second)}
	}
	if spec.ExpiresAt != nil && !spec.ExpiresAt.After(now) {
		return spec, fmt.Errorf("the token would have ended already, %s", spec.ExpiresAt.UTC().Format(time.RFC3339))
	}
	return spec, nil
}

// span is a duration in which d is a day of 24 hours.
func span(text string) (time.Duration, error) {
	wrong := fmt.Errorf("--expires-in is a time such as 90d or 12h, and not %q", text)
	if days, isDays := strings.CutSuffix(text, "d"); isDays {
		var n int
		if _, err := fmt.Sscanf(days, "%d", &n); err != nil || fmt.Sprint(n) != days || n > 36500 {
			return 0, wrong
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	life, err := time.ParseDuration(text)
	if err != nil {
		return 0, wrong
	}
	return life, nil
}
