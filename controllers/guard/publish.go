// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// Kinds of the objects that have a guard.
const (
	KindApplication = "ScimApplication"
	KindDirectory   = "ScimDirectory"
)

// Publisher says on a ScimApplication or ScimDirectory what its guard holds, and hears what people say about it.
type Publisher struct {
	// Recorder tells when something begins to be held, and what became of it.
	Recorder events.EventRecorder
	// Metrics tell how much.
	Metrics *Metrics
	// Unwritten is that of the Ledger.
	Unwritten func(namespace string, through time.Time) bool
}

// Page is the part of a status that a Publisher writes, and whose it is.
type Page struct {
	// Object is the ScimApplication or ScimDirectory, of that Kind.
	Object client.Object
	Kind   string
	// Removals and Conditions are those of its status. Of the conditions, only Held is written.
	Removals   *v1alpha1.HeldRemovals
	Conditions *[]metav1.Condition
	// Accounts are all of the application or directory; those that are not held may be missing.
	Accounts iter.Seq[*v1alpha1.ScimAccount]
}

// by is what spec.held.by says of the guard of p.
func (p *Page) by() v1alpha1.HeldBy {
	if p.Kind == KindDirectory {
		return v1alpha1.HeldByDirectory
	}
	return v1alpha1.HeldByApplication
}

// Update brings p up to date in memory. Once that is written, told has to be called; again asks for another Update soon.
func (w *Publisher) Update(p Page) (told func(), again bool) {
	set := HeldSet(p.Accounts, p.by(), p.Removals.Decisions)
	before, was := p.Removals.Count, meta.FindStatusCondition(*p.Conditions, v1alpha1.ConditionHeld).DeepCopy()
	decidable := !w.Unwritten(p.Object.GetNamespace(), set.Through.Time)
	removals, outcome := Decide(set, p.Object.GetAnnotations(), decidable)
	*p.Removals = removals
	condition := conditionOf(&p, outcome)
	if condition == nil {
		meta.RemoveStatusCondition(p.Conditions, v1alpha1.ConditionHeld)
	} else {
		meta.SetStatusCondition(p.Conditions, *condition)
	}
	return func() {
		w.Metrics.set(p.Object.GetNamespace(), p.Kind, p.Object.GetName(), before, removals.Count)
		w.tell(&p, set, outcome, was, condition)
	}, outcome == OutcomeNotYet
}

// tell makes an event of a decision, of a condition that began, and of an annotation that says something else than it should.
func (w *Publisher) tell(p *Page, set Set, outcome Outcome, was, is *metav1.Condition) {
	if outcome == OutcomeApproved || outcome == OutcomeRejected {
		w.Recorder.Eventf(p.Object, nil, "Normal", "Removals"+string(outcome), "Decide", "%s %d held changes of accounts, digest %s", strings.ToLower(string(outcome)), set.Count, set.Digest)
	}
	if is != nil && (was == nil || was.Reason != is.Reason || !strings.Contains(was.Message, remark(outcome))) {
		w.Recorder.Eventf(p.Object, nil, "Warning", is.Reason, "Hold", "%s", is.Message)
	}
}

// conditionOf is the condition Held, nil if nothing waits.
func conditionOf(p *Page, outcome Outcome) *metav1.Condition {
	condition := &metav1.Condition{Type: v1alpha1.ConditionHeld, Status: metav1.ConditionTrue, ObservedGeneration: p.Object.GetGeneration()}
	violations := ""
	if p.Kind == KindApplication {
		violations = violationsOf(p.Accounts)
	}
	switch {
	case p.Removals.Count > 0:
		condition.Reason, condition.Message = v1alpha1.ReasonRemovalLimit, invitation(p)+remark(outcome)+violations
	case violations != "":
		condition.Reason, condition.Message = v1alpha1.ReasonInvariant, strings.TrimPrefix(violations, "; ")
	default:
		return nil
	}
	return condition
}

// invitation says how to decide.
func invitation(p *Page) string {
	annotate := func(annotation string) string {
		return fmt.Sprintf("kubectl -n %s annotate --overwrite %s %s %s=%s",
			p.Object.GetNamespace(), strings.ToLower(p.Kind), p.Object.GetName(), annotation, p.Removals.Digest)
	}
	return fmt.Sprintf("%d accounts keep their access because more people lose it than the removal guard lets go; to let exactly these go: %s; to keep them: %s",
		p.Removals.Count, annotate(v1alpha1.AnnotationApprove), annotate(v1alpha1.AnnotationReject))
}

// remark says what is wrong with an annotation.
func remark(o Outcome) string {
	switch o {
	case OutcomeStale:
		return "; the annotation that is there names another set"
	case OutcomeContradictory:
		return "; it is approved and rejected at the same time, so it is neither"
	case OutcomeFull:
		return "; earlier decisions have to be carried out first"
	default:
		return ""
	}
}

// violationsOf says which invariants hold how many changes back, empty if none does.
func violationsOf(accounts iter.Seq[*v1alpha1.ScimAccount]) string {
	held, names := 0, map[string]struct{}{}
	for account := range accounts {
		if h := account.Spec.Held; h != nil && h.By == v1alpha1.HeldByInvariant {
			held++
			names[h.Invariant] = struct{}{}
		}
	}
	if held == 0 {
		return ""
	}
	return fmt.Sprintf("; %d changes of accounts would break the invariants %s and wait until they no longer do", held, strings.Join(slices.Sorted(maps.Keys(names)), ", "))
}
