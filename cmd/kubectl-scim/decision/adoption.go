// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/people"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/table"
)

// adoption is a privileged account that was found by e-mail alone, and that is taken over only when somebody says so.
type adoption struct{ account *v1alpha1.ScimAccount }

func (a *adoption) object() client.Object { return a.account }

// state has the digest while the adoption waits. The status keeps one that was decided about.
func (a *adoption) state() (digest, hint string) {
	ready := meta.FindStatusCondition(a.account.Status.Conditions, v1alpha1.ConditionReady)
	if ready != nil && ready.Reason == v1alpha1.ReasonAdoptionPending && a.account.Status.Adoption != nil {
		return a.account.Status.Adoption.Digest, ""
	}
	held := a.account.Spec.Held
	switch {
	case held == nil || held.Rejected:
		return "", ""
	case held.By == v1alpha1.HeldByInvariant:
		return "", fmt.Sprintf("; its change is held by the invariant %s, which lets go by itself and which nobody can approve", held.Invariant)
	case held.By == v1alpha1.HeldByApplication:
		return "", "; its change is held with others by the guard of application/" + a.account.Spec.ApplicationRef.Name
	default:
		return "", "; its change is held with others by the guard of its directory"
	}
}

func (a *adoption) effect(v verdict) string {
	if v.annotation == v1alpha1.AnnotationApprove {
		return "The account there belongs to this user then."
	}
	return "The account there is left alone, and the user has none."
}

func (a *adoption) look(ctx context.Context, c *cli.Client, _ *cli.Patience) (shown, error) {
	users, err := usersOf(ctx, c, []*v1alpha1.ScimAccount{a.account})
	if err != nil {
		return shown{}, err
	}
	name, display, email := a.account.Spec.UserName, "", a.account.Spec.Email
	if user := users[a.account.Spec.UserRef.Name]; user != nil {
		name, display = user.Spec.UserName, people.DisplayName(user)
	}
	t := table.New("User", "Display Name", "Email", "Application", "Account There", "Found By")
	found := a.account.Status.Adoption
	t.Add(name, display, email, a.account.Spec.ApplicationRef.Name, found.ExternalID, string(found.Key))
	return shown{digest: found.Digest, summary: "the adoption of a privileged account that was found by e-mail alone", table: t, accounts: []*v1alpha1.ScimAccount{a.account}}, nil
}

func (a *adoption) settle(ctx context.Context, c *cli.Client, s shown, p *cli.Patience) error {
	err := p.Until(ctx, "scim-controller to carry it out", func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, a.account.Name, a.account)
		return digestOf(a) != s.digest, err
	})
	if err == nil && digestOf(a) != "" {
		err = errChanged
	}
	return err
}
