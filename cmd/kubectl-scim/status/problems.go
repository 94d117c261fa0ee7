// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
)

// level says how bad a problem is.
type level string

const (
	// levelBroken does not work.
	levelBroken level = "BROKEN"
	// levelWaits waits for somebody.
	levelWaits level = "WAITS"
	// levelNote is good to know.
	levelNote level = "NOTE"
)

// problem is something that somebody on call wants to know.
type problem struct {
	Level     level  `json:"level"`
	Namespace string `json:"namespace"`
	// What is of the form directory/acme.
	What string `json:"what"`
	// Is says what is the matter.
	Is string `json:"is"`
	// Do is a command or a hint; empty if there is nothing to do.
	Do string `json:"do,omitempty"`
}

// problemsOf are sorted by how bad they are; among equals directories come first, then tokens, applications and grants.
func problemsOf(s *state, now time.Time) []problem {
	var all []problem
	for _, d := range s.directories {
		all = append(all, directoryProblems(d, s, now)...)
	}
	for _, t := range s.tokens {
		all = append(all, tokenProblems(t, now)...)
	}
	for _, a := range s.applications {
		all = append(all, applicationProblems(a, s, now)...)
	}
	for _, g := range s.grants {
		all = append(all, grantProblems(g)...)
	}
	order := []level{levelBroken, levelWaits, levelNote}
	slices.SortStableFunc(all, func(a, b problem) int { return cmp.Compare(slices.Index(order, a.Level), slices.Index(order, b.Level)) })
	return all
}

// unready is the condition Ready if it is not True.
func unready(conditions []metav1.Condition) *metav1.Condition {
	ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil:
		return &metav1.Condition{Reason: v1alpha1.ReasonPending, Message: "no controller has looked at it yet"}
	case ready.Status == metav1.ConditionTrue:
		return nil
	default:
		return ready
	}
}

func directoryProblems(d *v1alpha1.ScimDirectory, s *state, now time.Time) (all []problem) {
	add := func(l level, is, do string) {
		all = append(all, problem{l, d.Namespace, "directory/" + d.Name, is, do})
	}
	if c := unready(d.Status.Conditions); c != nil {
		add(levelBroken, c.Reason+": "+c.Message, "kubectl describe scimdir "+d.Name+" -n "+d.Namespace)
	}
	if d.Spec.Suspended {
		add(levelWaits, "suspended: the identity provider gets 503", "set spec.suspended to false")
	}
	if c := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionKeysFetched); c != nil && c.Status != metav1.ConditionTrue {
		add(levelBroken, "the keys of the issuer: "+c.Reason+": "+c.Message, "look at spec.authentication.jwt")
	}
	if d.Spec.Authentication.JWT == nil && !slices.ContainsFunc(s.tokens, func(t *v1alpha1.ScimToken) bool { return opens(t, d, now) }) && len(s.unknown) == 0 {
		add(levelWaits, "no valid token: no identity provider can reach it", "kubectl scim token create NAME -d "+d.Name+" -n "+d.Namespace)
	}
	if n := d.Status.Removals.Count; n > 0 {
		add(levelWaits, heldText(n, oldest(s.held, d.Namespace, v1alpha1.HeldByDirectory, func(application string) bool { return s.directoryOf(d.Namespace, application) == d.Name }), now),
			"kubectl scim approve directory/"+d.Name+" -n "+d.Namespace)
	}
	return all
}

// opens reports whether a token is valid for a directory.
func opens(t *v1alpha1.ScimToken, d *v1alpha1.ScimDirectory, now time.Time) bool {
	live := func(c v1alpha1.TokenCredential) bool { return c.NotAfter == nil || now.Before(c.NotAfter.Time) }
	return t.Namespace == d.Namespace && t.Spec.DirectoryRef.Name == d.Name && t.DeletionTimestamp == nil && slices.ContainsFunc(t.Status.Credentials, live)
}

func (s *state) directoryOf(namespace, application string) string {
	for _, a := range s.applications {
		if a.Namespace == namespace && a.Name == application {
			return a.Spec.DirectoryRef.Name
		}
	}
	return ""
}

// oldest is since when a change waits of those that by holds in these applications of a namespace; the zero time if none is known.
func oldest(held []*v1alpha1.ScimAccount, namespace string, by v1alpha1.HeldBy, in func(application string) bool) (since time.Time) {
	for _, a := range held {
		h := a.Spec.Held
		if a.Namespace == namespace && h.By == by && !h.Rejected && in(a.Spec.ApplicationRef.Name) && (since.IsZero() || h.Since.Time.Before(since)) {
			since = h.Since.Time
		}
	}
	return since
}

func heldText(n int32, since, now time.Time) string {
	text := fmt.Sprintf("the removal guard holds %s", cli.Count(n, "account"))
	if !since.IsZero() {
		text += ", the oldest for " + cli.Ago(now, &metav1.Time{Time: since})
	}
	return text
}

func tokenProblems(t *v1alpha1.ScimToken, now time.Time) (all []problem) {
	add := func(l level, is, do string) { all = append(all, problem{l, t.Namespace, "token/" + t.Name, is, do}) }
	rotate := "kubectl scim token rotate " + t.Name + " -n " + t.Namespace
	if t.Spec.Provided != nil {
		rotate = "rotate it in the Secret " + t.Spec.Provided.SecretName
	}
	if c := unready(t.Status.Conditions); c != nil {
		add(levelBroken, c.Reason+": "+c.Message, "kubectl scim token show "+t.Name+" -n "+t.Namespace)
		return all
	}
	if c := meta.FindStatusCondition(t.Status.Conditions, v1alpha1.ConditionExpiring); c != nil && c.Status == metav1.ConditionTrue {
		add(levelWaits, c.Message, rotate)
	} else if at := t.Spec.ExpiresAt; at != nil && !now.Before(at.Time) {
		add(levelBroken, "expired", rotate)
	}
	if c := meta.FindStatusCondition(t.Status.Conditions, v1alpha1.ConditionRotating); c != nil && c.Status == metav1.ConditionTrue {
		l := levelNote
		if c.Reason == v1alpha1.ReasonWaitingForUse {
			l = levelWaits
		}
		add(l, "rotating: "+c.Message, either(l == levelWaits, "give the new credential to the identity provider", ""))
	}
	if c := meta.FindStatusCondition(t.Status.Conditions, v1alpha1.ConditionUnused); c != nil && c.Status == metav1.ConditionTrue {
		add(levelNote, "unused: "+c.Message, "kubectl scim token revoke "+t.Name+" --all -n "+t.Namespace)
	}
	return all
}

func either(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

func applicationProblems(a *v1alpha1.ScimApplication, s *state, now time.Time) (all []problem) {
	add := func(l level, is, do string) {
		all = append(all, problem{l, a.Namespace, "application/" + a.Name, is, do})
	}
	if c := unready(a.Status.Conditions); c != nil {
		add(levelBroken, c.Reason+": "+c.Message, "kubectl describe scimapp "+a.Name+" -n "+a.Namespace)
	}
	if n := a.Status.Removals.Count; n > 0 {
		add(levelWaits, heldText(n, oldest(s.held, a.Namespace, v1alpha1.HeldByApplication, func(application string) bool { return application == a.Name }), now),
			"kubectl scim approve application/"+a.Name+" -n "+a.Namespace)
	}
	if c := meta.FindStatusCondition(a.Status.Conditions, v1alpha1.ConditionHeld); c != nil && c.Reason == v1alpha1.ReasonInvariant {
		add(levelWaits, c.Message, "make the invariant true again")
	}
	switch a.Spec.Mode {
	case v1alpha1.ModePaused:
		add(levelNote, "paused: nothing is given there", "set spec.mode to Active")
	case v1alpha1.ModeDryRun:
		add(levelNote, "dry run: nothing is changed there, removals neither", "set spec.mode to Active")
	case v1alpha1.ModeActive, "":
		if late := a.Status.Accounts.Desired - a.Status.Accounts.Ready - a.Status.Accounts.Held; late > 0 {
			add(levelWaits, cli.Count(late, "account")+" not as they shall be", "kubectl scim access "+a.Name+" --not-ready -n "+a.Namespace)
		}
	}
	if a.Status.Orphans.Count > 0 {
		add(levelNote, cli.Count(a.Status.Orphans.Count, "orphan")+": accounts there that bear nobody's mark", "kubectl get scimapp "+a.Name+" -n "+a.Namespace+" -o jsonpath='{.status.orphans.externalIDs}'")
	}
	return all
}

func grantProblems(g *v1alpha1.ScimGrant) (all []problem) {
	add := func(l level, is, do string) { all = append(all, problem{l, g.Namespace, "grant/" + g.Name, is, do}) }
	ready := meta.FindStatusCondition(g.Status.Conditions, v1alpha1.ConditionReady)
	switch c := unready(g.Status.Conditions); {
	case c != nil:
		add(levelBroken, c.Reason+": "+c.Message, "kubectl describe scimgrant "+g.Name+" -n "+g.Namespace)
	case ready.Reason == v1alpha1.ReasonExpired:
		add(levelNote, "expired", "delete it, if nobody needs it")
	case ready.Reason == v1alpha1.ReasonNotYetInEffect:
		add(levelNote, "not in effect yet", "")
	}
	return all
}
