// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/people"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/table"
	"github.com/scim-operator/scim-operator/controllers/guard"
)

// removals are what the guard of an application or of a directory holds; one of the two is set.
type removals struct {
	application *v1alpha1.ScimApplication
	directory   *v1alpha1.ScimDirectory
}

func (r *removals) object() client.Object {
	if r.directory != nil {
		return r.directory
	}
	return r.application
}

func (r *removals) held() *v1alpha1.HeldRemovals {
	if r.directory != nil {
		return &r.directory.Status.Removals
	}
	return &r.application.Status.Removals
}

func (r *removals) by() v1alpha1.HeldBy {
	if r.directory != nil {
		return v1alpha1.HeldByDirectory
	}
	return v1alpha1.HeldByApplication
}

func (r *removals) state() (digest, hint string) {
	if r.application != nil && r.held().Digest == "" {
		hint = "; the guard of its directory may hold something: directory/" + r.application.Spec.DirectoryRef.Name
	}
	return r.held().Digest, hint
}

func (r *removals) effect(v verdict) string { return v.effect }

// look reads the accounts that wait and makes the digest of them. The status follows within a second, so it is waited for until both say
// the same.
func (r *removals) look(ctx context.Context, c *cli.Client, p *cli.Patience) (s shown, err error) {
	err = p.Until(ctx, "what is held to come to rest", func(ctx context.Context) (bool, error) {
		if err := c.Get(ctx, r.object().GetName(), r.object()); err != nil {
			return false, err
		}
		all, err := r.accounts(ctx, c)
		if err != nil {
			return false, err
		}
		open := r.open(all)
		s = shown{digest: guard.HeldSet(slices.Values(open), r.by(), r.held().Decisions).Digest, accounts: open}
		return s.digest == r.held().Digest, nil
	})
	if err == nil && s.digest == "" {
		err = fmt.Errorf("nothing waits for %s any more", nameOf(r))
	}
	if err != nil {
		return s, err
	}
	users, err := usersOf(ctx, c, s.accounts)
	s.summary, s.table = summary(s.accounts), heldTable(s.accounts, users)
	return s, err
}

// accounts are those of which this guard holds a change.
func (r *removals) accounts(ctx context.Context, c *cli.Client) ([]*v1alpha1.ScimAccount, error) {
	fields := client.MatchingFields{"spec.held.by": string(r.by())}
	if r.application != nil {
		fields["spec.applicationRef.name"] = r.application.Name
	}
	accounts, err := cli.All[*v1alpha1.ScimAccount](ctx, c, &v1alpha1.ScimAccountList{}, fields)
	if err != nil || r.application != nil {
		return accounts, err
	}
	applications, err := cli.All[*v1alpha1.ScimApplication](ctx, c, &v1alpha1.ScimApplicationList{}, cli.Where("spec.directoryRef.name", r.directory.Name))
	if err != nil {
		return nil, err
	}
	ours := map[string]bool{}
	for _, app := range applications {
		ours[app.Name] = true
	}
	return slices.DeleteFunc(accounts, func(a *v1alpha1.ScimAccount) bool { return !ours[a.Spec.ApplicationRef.Name] }), nil
}

// open are those about which nobody has decided.
func (r *removals) open(accounts []*v1alpha1.ScimAccount) (open []*v1alpha1.ScimAccount) {
	for _, account := range accounts {
		if guard.HeldSet(slices.Values([]*v1alpha1.ScimAccount{account}), r.by(), r.held().Decisions).Count > 0 {
			open = append(open, account)
		}
	}
	return open
}

// settle looks until the status says something else than what was shown. Then either nothing of that is open any more, or nothing was
// decided.
func (r *removals) settle(ctx context.Context, c *cli.Client, s shown, p *cli.Patience) error {
	err := p.Until(ctx, "scim-controller to carry it out", func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, r.object().GetName(), r.object())
		return r.held().Digest != s.digest, err
	})
	if err != nil {
		return err
	}
	all, err := r.accounts(ctx, c)
	if err != nil {
		return err
	}
	for _, account := range r.open(all) {
		if slices.ContainsFunc(s.accounts, func(was *v1alpha1.ScimAccount) bool { return same(was, account) }) {
			return errChanged
		}
	}
	return nil
}

// same reports whether it is the same change of the same account.
func same(a, b *v1alpha1.ScimAccount) bool {
	return a.UID == b.UID && a.Spec.Held.Digest == b.Spec.Held.Digest && a.Spec.Held.Since.Equal(&b.Spec.Held.Since)
}

func usersOf(ctx context.Context, c *cli.Client, accounts []*v1alpha1.ScimAccount) (map[string]*v1alpha1.ScimUser, error) {
	var names []string
	for _, account := range accounts {
		names = append(names, account.Spec.UserRef.Name)
	}
	slices.Sort(names)
	return people.Named(ctx, c, &v1alpha1.ScimUserList{}, func() *v1alpha1.ScimUser { return &v1alpha1.ScimUser{} }, slices.Compact(names))
}

// heldTable shows who loses what, and since when it waits.
func heldTable(accounts []*v1alpha1.ScimAccount, users map[string]*v1alpha1.ScimUser) *table.Table {
	t := table.New("User", "Application", "Change", "Has Now", "User Is", "Since", "+Display Name", "+ID")
	for _, a := range accounts {
		name, state, display := a.Spec.UserName, "gone", ""
		if user := users[a.Spec.UserRef.Name]; user != nil {
			name, state, display = user.Spec.UserName, people.State(user), people.DisplayName(user)
		}
		t.Add(name, a.Spec.ApplicationRef.Name, string(a.Spec.Held.Change), roles(a), state,
			a.Spec.Held.Since.UTC().Format(time.RFC3339), display, a.Spec.UserRef.Name)
	}
	_ = t.Sort("application") // there is that column
	_ = t.Sort("user")
	return t
}

func roles(a *v1alpha1.ScimAccount) string {
	names := make([]string, len(a.Spec.Roles))
	for i, role := range a.Spec.Roles {
		names[i] = string(role)
	}
	return strings.Join(names, ",")
}

// summary counts people and what would be done: "3 people: suspend 2 accounts, delete 1 account".
func summary(accounts []*v1alpha1.ScimAccount) string {
	persons, kinds := map[string]bool{}, map[v1alpha1.ChangeKind]int{}
	for _, a := range accounts {
		persons[a.Spec.UserRef.Name] = true
		kinds[a.Spec.Held.Change]++
	}
	var parts []string
	for _, kind := range slices.SortedFunc(maps.Keys(kinds), cmp.Compare[v1alpha1.ChangeKind]) {
		parts = append(parts, strings.ToLower(string(kind))+" "+cli.Count(kinds[kind], "account"))
	}
	who := "1 person"
	if len(persons) != 1 {
		who = fmt.Sprintf("%d people", len(persons))
	}
	return who + ": " + strings.Join(parts, ", ")
}
