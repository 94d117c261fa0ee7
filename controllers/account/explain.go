// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// What is said of an account that was looked at. None of it names a person.

func inSync() status.Verdict {
	return status.Ready(v1alpha1.ReasonInSync, "the application shows the account as it shall be")
}

func asFound() status.Verdict {
	return status.Ready(v1alpha1.ReasonInSync, "adopted as it was found; it is brought in line when the ScimAccount next changes")
}

func drifted() status.Verdict {
	return status.Waiting(v1alpha1.ReasonDrifted, "the account was changed in the application, and spec.drift of the ScimApplication says to report that only")
}

func dryRun() status.Verdict {
	return status.Waiting(v1alpha1.ReasonDryRun, "the ScimApplication is in DryRun; status.pending says what would be done")
}

func paused() status.Verdict {
	return status.Waiting(v1alpha1.ReasonPaused, "the ScimApplication is paused, and nothing is given meanwhile; status.pending says what would be done")
}

func inTheWay() status.Verdict {
	return status.Stalled(v1alpha1.ReasonConflict, "the application has such an account, and it is not ours")
}

func pendingAdoption(digest string) status.Verdict {
	return status.Stalled(v1alpha1.ReasonAdoptionPending, fmt.Sprintf(
		"an account with a privileged role was found by e-mail alone; to take it over, annotate the ScimAccount with %s=%s, or else with %s",
		v1alpha1.AnnotationApprove, digest, v1alpha1.AnnotationReject))
}

const waitsForDecision = "the ScimAccount is being deleted and waits for the decision what becomes of the account"

// overruled is what is said of an account that is in sync with a spec that is not the last word.
func overruled(acct *v1alpha1.ScimAccount, app *v1alpha1.ScimApplication, verdict status.Verdict) status.Verdict {
	switch {
	case verdict.Reason() != v1alpha1.ReasonInSync:
		return verdict
	case acct.Spec.Held != nil:
		return status.Waiting(v1alpha1.ReasonHeld, heldMessage(acct.Spec.Held, app))
	case !acct.DeletionTimestamp.IsZero() && acct.Spec.State != v1alpha1.AccountDeleted:
		return status.Waiting(v1alpha1.ReasonDeleting, waitsForDecision)
	default:
		return verdict
	}
}

// heldMessage says what waits, what holds it, and where to say yes or no.
func heldMessage(held *v1alpha1.HeldChange, app *v1alpha1.ScimApplication) string {
	guard := "the removal guard of ScimApplication " + app.Name
	switch held.By {
	case v1alpha1.HeldByInvariant:
		return fmt.Sprintf("a change (%s) would break the invariant %s of ScimApplication %s; it is made when it does so no more", held.Change, held.Invariant, app.Name)
	case v1alpha1.HeldByDirectory:
		guard = "the removal guard of ScimDirectory " + app.Spec.DirectoryRef.Name
	case v1alpha1.HeldByApplication:
	}
	if held.Rejected {
		return fmt.Sprintf("a change (%s) was held by %s and rejected; the account stays as it is until something else is decided about it", held.Change, guard)
	}
	return fmt.Sprintf("a change (%s) is held by %s, whose status.removals says how many are and under which digest to approve or reject them", held.Change, guard)
}

// seen writes what was observed into the status: nothing was, where an account is nothing but its access. One that is suspended keeps its
// identifier then: who suspended it was told that, and whoever looks again, at a resync or after a restart, must have nothing to write.
func (v *visit) seen(observed *connector.Account) {
	s := &v.acct.Status
	if !v.ours(observed) {
		observed = &connector.Account{State: connector.Suspended}
		if v.acct.Spec.State == v1alpha1.AccountSuspended {
			observed.ExternalID = s.ExternalID
		}
	}
	s.ExternalID, s.State, s.Reason = observed.ExternalID, v1alpha1.AccountState(observed.State), v.acct.Spec.Reason
	s.Roles = nil
	for _, role := range observed.Roles {
		s.Roles = append(s.Roles, v1alpha1.RoleName(role))
	}
	if a := s.Adoption; a != nil && a.ExternalID != observed.ExternalID {
		s.Adoption = nil // what was adopted, or could be, is no more
	}
}

// conclude writes what was decided into the status.
func (v *visit) conclude(d decision) {
	if d.verdict.Reason() == v1alpha1.ReasonDrifted && !reportedDrift(v.acct) {
		v.event(corev1.EventTypeWarning, "Drift", "Report", "somebody changed the account in the application; it stays so")
	}
	acct := v.acct
	acct.Status.ObservedGeneration = acct.Generation
	acct.Status.Pending = d.pending
	if d.verdict.Reason() == v1alpha1.ReasonInSync {
		meta.SetStatusCondition(&acct.Status.Conditions, metav1.Condition{
			Type: v1alpha1.ConditionSettled, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonInSync, Message: settledWith(v.app), ObservedGeneration: acct.Generation,
		})
	}
	overruled(acct, v.app, d.verdict).Set(&acct.Status.Conditions, acct.Generation)
}

func reportedDrift(acct *v1alpha1.ScimAccount) bool {
	ready := meta.FindStatusCondition(acct.Status.Conditions, v1alpha1.ConditionReady)
	return ready != nil && ready.Reason == v1alpha1.ReasonDrifted && ready.ObservedGeneration == acct.Generation
}

// settledWith names the configuration of the connector, since what a role stands for may change with it.
func settledWith(app *v1alpha1.ScimApplication) string {
	return "was in sync at this generation, with configuration " + digestOf(app.Spec.Connector) + " of the connector"
}

// digestOf is a short name of exactly this value.
func digestOf(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		text = []byte(err.Error()) // none of our types does that
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// sources says for every role which grants give it.
func sources(roles []v1alpha1.RoleName, grants []v1alpha1.AccountGrant) []v1alpha1.RoleSource {
	givers := map[v1alpha1.RoleName][]string{}
	for _, grant := range grants {
		for _, role := range grant.Roles {
			givers[role] = append(givers[role], grant.Name)
		}
	}
	var all []v1alpha1.RoleSource
	for _, role := range slices.Compact(slices.Sorted(slices.Values(roles))) {
		slices.Sort(givers[role])
		all = append(all, v1alpha1.RoleSource{Role: role, Grants: slices.Compact(givers[role])})
	}
	return all
}

// tellApplied records what was done downstream to what was observed.
func (v *visit) tellApplied(observed *connector.Account, applied connector.Account, d decision) {
	done, reason, action := "brought the account in line", "Applied", "Apply"
	switch {
	case applied.State == connector.Suspended:
		done, reason, action = "took every access of the account away", "Suspended", "Suspend"
	case !v.ours(observed):
		done, reason = "made the account", "Created"
	case observed.State == connector.Suspended:
		done, reason = "gave the account its access back", "Restored"
	}
	if applied.State == connector.Active {
		done += fmt.Sprintf(", with %d roles", len(applied.Roles))
	}
	if d.drifted {
		v.event(corev1.EventTypeWarning, "Drift", action, "somebody changed the account in the application; "+done)
		return
	}
	v.event(corev1.EventTypeNormal, reason, action, done)
}

// tellFailed records that an account began to fail, or to fail in another way. That its application does not answer is told once, of that.
func (r *Reconciler) tellFailed(acct *v1alpha1.ScimAccount, verdict status.Verdict) {
	was := meta.FindStatusCondition(acct.Status.Conditions, v1alpha1.ConditionReady)
	if verdict.Reason() == v1alpha1.ReasonUnavailable || was != nil && was.Reason == verdict.Reason() {
		return
	}
	r.Recorder.Eventf(acct, nil, corev1.EventTypeWarning, "Failed", "Apply", "%s: %s%s", verdict.Reason(), verdict.Message(), because(acct))
}

// event records something about the account, with the reason of its state and the request that it goes back to. It names no person: the
// ScimAccount that it is about does.
func (v *visit) event(kind, reason, action, what string) {
	v.Recorder.Eventf(v.acct, v.app, kind, reason, action, "%s", what+because(v.acct))
}

// maxRequestID is longer than the identifiers that are made of a UUID.
const maxRequestID = 128

// because is why acct has its state, for the end of a sentence.
func because(acct *v1alpha1.ScimAccount) (text string) {
	if acct.Spec.Reason != "" {
		text = ": " + string(acct.Spec.Reason)
	}
	id := acct.Annotations[v1alpha1.AnnotationRequestID]
	printable := !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' })
	if id != "" && len(id) <= maxRequestID && printable {
		text += " (request " + id + ")"
	}
	return text
}
