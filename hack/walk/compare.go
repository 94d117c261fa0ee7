// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package walk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/stack"
)

const (
	// patience bounds a wait for the end state: an application that was broken is tried again within 20 s.
	patience = 2 * time.Minute
	// roleAnnotation names, on a binding, the role of the application.
	roleAnnotation = v1alpha1.Group + "/role"
)

// difference is what is not as the model says.
type difference struct {
	text  []string
	users []string
	// seen are the accounts that are as the model says, and those that are rightly not there.
	seen []sighting
}

// sighting is whether a person has an account.
type sighting struct {
	person *person
	app    string
	is     presence
	locked bool
}

func (d *difference) add(users []string, format string, args ...any) {
	d.text = append(d.text, fmt.Sprintf(format, args...))
	d.users = append(d.users, users...)
}

// settle waits until everything is as the model says, and tells the model what was seen.
func (w *walker) settle(ctx context.Context) error {
	var last *difference
	var failure error
	looking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := stack.Poll(looking, func(ctx context.Context) (bool, error) {
		var d *difference
		if d, failure = w.compare(ctx); failure == nil {
			last = d
		}
		return failure == nil && len(d.text) == 0, nil
	})
	if err != nil && last != nil {
		return fmt.Errorf("%w:\n%s\nsteps that can have to do with it:\n%s", err, strings.Join(last.text, "\n"), w.history(last.users))
	}
	if err != nil {
		return errors.Join(err, failure)
	}
	w.settled++
	for _, s := range last.seen { // from now on the model knows who has an account
		s.person.has[s.app], s.person.locks[s.app] = s.is, s.locked
	}
	return nil
}

// compare looks at the cluster.
func (w *walker) compare(ctx context.Context) (*difference, error) {
	d := &difference{}
	if err := w.compareBindings(ctx, d); err != nil {
		return nil, err
	}
	seen, err := w.accountsByOwner(ctx, d)
	if err != nil {
		return nil, err
	}
	for key, p := range w.persons {
		for _, a := range w.apps {
			w.compareAccount(d, seen, key, p, a)
		}
	}
	for key, acct := range seen {
		d.add(nil, "%s of %s: %s of nobody who ever was", acct.Name, key.app, acct.Spec.State)
	}
	return d, w.compareStatuses(ctx, d)
}

// owner is whose account in which application a ScimAccount is.
type owner struct{ app, user string }

func (w *walker) accountsByOwner(ctx context.Context, d *difference) (map[owner]*v1alpha1.ScimAccount, error) {
	var all v1alpha1.ScimAccountList
	if err := w.Client.List(ctx, &all, client.InNamespace(w.namespace)); err != nil {
		return nil, err
	}
	byOwner := map[owner]*v1alpha1.ScimAccount{}
	for i := range all.Items {
		acct := &all.Items[i]
		key := owner{acct.Spec.ApplicationRef.Name, acct.Spec.UserRef.Name}
		if byOwner[key] != nil {
			d.add([]string{key.user}, "%s: user %s has two accounts", key.app, key.user)
		}
		byOwner[key] = acct
	}
	return byOwner, nil
}

// compareAccount compares the account of one person, and takes it out of seen.
func (w *walker) compareAccount(d *difference, seen map[owner]*v1alpha1.ScimAccount, key string, p *person, a app) {
	var got []*account
	var ids []string
	for _, u := range p.lives {
		ids = append(ids, u.id)
		if acct := seen[owner{a.name, u.id}]; acct != nil {
			got = append(got, accountOf(acct))
			delete(seen, owner{a.name, u.id})
		}
	}
	is := present
	if len(got) == 0 {
		got, is = []*account{nil}, absent
	}
	d.seen = append(d.seen, sighting{p, a.name, is, got[0] != nil && got[0].reason == "Locked"})
	may := w.accounts(p, a)
	if len(got) != 1 || !slices.ContainsFunc(may, got[0].is) {
		d.add(ids, "%s, person %s (now %s): got %v, want one of %v", a.name, key, p.now().id, got, may)
	}
}

func accountOf(acct *v1alpha1.ScimAccount) *account {
	var roles []string
	for _, role := range acct.Spec.Roles {
		roles = append(roles, string(role))
	}
	slices.Sort(roles)
	return &account{acct.Spec.UserRef.Name, string(acct.Spec.State), string(acct.Spec.Reason), strings.Join(roles, " ")}
}

func (w *walker) compareBindings(ctx context.Context, d *difference) error {
	wanted, got := w.bindings(), map[binding]int{}
	for _, suffix := range []string{"-a", "-b"} {
		var all rbacv1.RoleBindingList
		if err := w.Client.List(ctx, &all, client.InNamespace(w.namespace+suffix)); err != nil {
			return err
		}
		for _, b := range all.Items {
			if b.Name == stack.SecretsRole {
				continue // that of scim-controller itself
			}
			for _, s := range b.Subjects {
				got[binding{b.Namespace, b.Annotations[roleAnnotation], s.Name}]++
			}
		}
	}
	for b := range maps.Keys(wanted) {
		if got[b] != wanted[b] {
			d.add(w.named(b.userName), "%+v: bound %d times, want %d", b, got[b], wanted[b])
		}
	}
	for b := range maps.Keys(got) {
		if wanted[b] == 0 {
			d.add(w.named(b.userName), "%+v: bound %d times, want none", b, got[b])
		}
	}
	return nil
}

// named are all who have that userName now or had it when they were deleted.
func (w *walker) named(userName string) (ids []string) {
	for id, u := range w.users {
		if strings.EqualFold(u.userName, userName) {
			ids = append(ids, id)
		}
	}
	return ids
}

// compareStatuses wants every status to say that the account is what it shall be.
func (w *walker) compareStatuses(ctx context.Context, d *difference) error {
	var all v1alpha1.ScimAccountList
	if err := w.Client.List(ctx, &all, client.InNamespace(w.namespace)); err != nil {
		return err
	}
	for _, acct := range all.Items {
		ready := false
		for _, c := range acct.Status.Conditions {
			ready = ready || c.Type == v1alpha1.ConditionReady && c.Status == metav1.ConditionTrue && c.ObservedGeneration == acct.Generation
		}
		if !ready || acct.Status.State != acct.Spec.State || acct.Status.Reason != acct.Spec.Reason {
			d.add([]string{acct.Spec.UserRef.Name}, "%s: the status says %s/%s, %+v", acct.Name, acct.Status.State, acct.Status.Reason, acct.Status.Conditions)
		}
	}
	return nil
}
