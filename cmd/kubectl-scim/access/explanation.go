// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/people"
	"github.com/scim-operator/scim-operator/controllers/assignment"
)

// Explanation says why somebody has an account in an application, and these roles, or why not.
type Explanation struct {
	User        UserView     `json:"user"`
	Application string       `json:"application"`
	Account     *AccountView `json:"account,omitempty"`
	Grants      []GrantView  `json:"grants"`
	// Notes are what else matters, the most important first.
	Notes []string `json:"notes,omitempty"`
}

// UserView is whom it is about.
type UserView struct {
	UserName    string `json:"userName"`
	DisplayName string `json:"displayName,omitempty"`
	ID          string `json:"id"`
	State       string `json:"state"`
	Directory   string `json:"directory"`
	// Changed is the last change at the identity provider.
	Changed ChangeView `json:"changed,omitzero"`
}

// ChangeView is where a change came from.
type ChangeView struct {
	At        string `json:"at,omitempty"`
	RequestID string `json:"requestID,omitempty"`
	// KeyID of the credential that was used.
	KeyID string `json:"keyID,omitempty"`
}

// AccountView is the account.
type AccountView struct {
	Name     string                   `json:"name"`
	UserName string                   `json:"userName"`
	State    v1alpha1.AccountState    `json:"state"`
	Reason   v1alpha1.StateReason     `json:"reason,omitempty"`
	Roles    []v1alpha1.RoleName      `json:"roles,omitempty"`
	Held     *v1alpha1.HeldChange     `json:"held,omitempty"`
	Ready    string                   `json:"ready"`
	Message  string                   `json:"message,omitempty"`
	Pending  v1alpha1.ChangeKind      `json:"pending,omitempty"`
	Adopted  *v1alpha1.AdoptionStatus `json:"adoption,omitempty"`
	// RequestID of the request whose change was decided about last.
	RequestID string `json:"requestID,omitempty"`
}

// explain is pure. account is nil if there is none.
func explain(e *evidence, account *v1alpha1.ScimAccount) *Explanation {
	x := &Explanation{User: userView(e.facts.User), Application: e.app.Name, Grants: []GrantView{}}
	var recorded []v1alpha1.AccountGrant
	if account != nil {
		x.Account = accountView(account)
		recorded = account.Spec.Grants
	}
	if views := e.views(recorded); views != nil {
		x.Grants = views
	}
	x.Notes = slices.Concat(e.obstacles(), e.difference(account), heldNotes(e.app, account), e.applicationNotes(account))
	return x
}

func userView(u *v1alpha1.ScimUser) UserView {
	return UserView{
		UserName: u.Spec.UserName, DisplayName: people.DisplayName(u), ID: u.Name, State: people.State(u), Directory: u.Spec.DirectoryRef.Name,
		Changed: ChangeView{
			At: u.Annotations[v1alpha1.AnnotationLastModified], RequestID: u.Annotations[v1alpha1.AnnotationRequestID],
			KeyID: u.Annotations[v1alpha1.AnnotationChangedBy],
		},
	}
}

func accountView(a *v1alpha1.ScimAccount) *AccountView {
	v := &AccountView{
		Name: a.Name, UserName: a.Spec.UserName, State: a.Spec.State, Reason: a.Spec.Reason, Roles: a.Spec.Roles, Held: a.Spec.Held,
		Ready: cli.Ready(a.Status.Conditions), Pending: a.Status.Pending, Adopted: a.Status.Adoption,
		RequestID: a.Annotations[v1alpha1.AnnotationRequestID],
	}
	if ready := meta.FindStatusCondition(a.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		v.Message = ready.Message
	}
	return v
}

// obstacles are why no grant can give anything.
func (e *evidence) obstacles() (notes []string) {
	user, directory := e.facts.User, e.app.Spec.DirectoryRef.Name
	if user.Spec.DirectoryRef.Name != directory {
		notes = append(notes, fmt.Sprintf("the application is for users of the directory %s, and this user is of %s: no grant can match", directory, user.Spec.DirectoryRef.Name))
	}
	if user.Spec.DeletedAt != nil {
		notes = append(notes, "the identity provider deleted the user "+user.Spec.DeletedAt.UTC().Format(time.RFC3339))
	} else if user.Spec.State == v1alpha1.StateSuspended {
		notes = append(notes, "the identity provider says that the user is not active")
	}
	if why := user.Annotations[v1alpha1.AnnotationSuspend]; why != "" {
		notes = append(notes, fmt.Sprintf("suspended here: %s; kubectl scim resume lifts it", why))
	}
	if e.app.DeletionTimestamp != nil {
		notes = append(notes, "the application is being deleted")
	}
	return notes
}

// difference says that scim-controller has not decided yet what a decision now would be, unless it is held.
func (e *evidence) difference(account *v1alpha1.ScimAccount) []string {
	d := assignment.Decide(e.facts, e.programs)
	if slices.Contains(d.MappingFailed, e.app.Name) {
		return []string{"an expression of spec.account of the application fails for this user: no account is made, and one that is there keeps its names"}
	}
	if account != nil && account.Spec.Held != nil {
		return nil
	}
	wants := func(w assignment.Wanted) bool { return w.Spec.State != v1alpha1.AccountDeleted || account != nil }
	i := slices.IndexFunc(d.Wanted, wants)
	undecided := "scim-controller has not decided about the last change yet; the grants below say what is so now"
	switch {
	case i < 0 && account == nil:
		return nil
	case i < 0 || account == nil:
		return []string{undecided}
	}
	want := &d.Wanted[i].Spec
	if want.State != account.Spec.State || want.Reason != account.Spec.Reason || !slices.Equal(want.Roles, account.Spec.Roles) {
		return []string{undecided}
	}
	return nil
}

// heldNotes say what a change waits for.
func heldNotes(app *v1alpha1.ScimApplication, account *v1alpha1.ScimAccount) []string {
	if account == nil || account.Spec.Held == nil {
		return nil
	}
	held := account.Spec.Held
	what := fmt.Sprintf("held since %s: %s", held.Since.UTC().Format(time.RFC3339), strings.ToLower(string(held.Change)))
	switch {
	case held.Rejected:
		return []string{what + "; somebody rejected it, so the account stays as it is until something else is decided"}
	case held.By == v1alpha1.HeldByInvariant:
		return []string{what + fmt.Sprintf(", by the invariant %s of the application, until it breaks that no more", held.Invariant)}
	case held.By == v1alpha1.HeldByDirectory:
		return []string{what + ", by the removal guard: kubectl scim approve directory/" + app.Spec.DirectoryRef.Name}
	default:
		return []string{what + ", by the removal guard: kubectl scim approve application/" + app.Name}
	}
}

// applicationNotes are why what is wanted is not done in the application.
func (e *evidence) applicationNotes(account *v1alpha1.ScimAccount) (notes []string) {
	if mode := e.app.Spec.Mode; mode == v1alpha1.ModePaused || mode == v1alpha1.ModeDryRun {
		notes = append(notes, fmt.Sprintf("the application is in mode %s", mode))
	}
	if ready := meta.FindStatusCondition(e.app.Status.Conditions, v1alpha1.ConditionReady); ready != nil && ready.Status != metav1.ConditionTrue {
		notes = append(notes, fmt.Sprintf("the application is not ready: %s: %s", ready.Reason, ready.Message))
	}
	if account != nil && account.Spec.DeleteAfter != nil && account.Spec.State == v1alpha1.AccountSuspended {
		notes = append(notes, "the account is deleted after "+account.Spec.DeleteAfter.UTC().Format(time.RFC3339)+" unless the user comes back")
	}
	return notes
}
