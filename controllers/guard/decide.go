// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"iter"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

const (
	// digestBytes of SHA-256 are short enough to paste, and a set cannot be made to fit one: times are part of it.
	digestBytes = 8
	// mostDecisions is what the API takes.
	mostDecisions = 16
)

// decided is what the decisions say of held: the first that reaches it.
func decided(decisions []v1alpha1.RemovalDecision, held *v1alpha1.HeldChange) v1alpha1.Verdict {
	if i := reaching(decisions, held); i >= 0 {
		return decisions[i].Verdict
	}
	return ""
}

// reaching is the index of the first decision that reaches held, -1 if none does.
func reaching(decisions []v1alpha1.RemovalDecision, held *v1alpha1.HeldChange) int {
	return slices.IndexFunc(decisions, func(d v1alpha1.RemovalDecision) bool { return micros(&d.Through) >= micros(&held.Since) })
}

// Set is what one guard holds and nobody has decided about.
type Set struct {
	// Count of the accounts.
	Count int32
	// Digest of exactly them, empty if there are none.
	Digest string
	// Through is when the last of them began to be held.
	Through metav1.MicroTime
	// awaited are the decisions that accounts still wait to be carried out.
	awaited []v1alpha1.RemovalDecision
}

// HeldSet returns what the guard by holds among accounts, which must be all of its application or directory, and is not decided about
// by the decisions there.
func HeldSet(accounts iter.Seq[*v1alpha1.ScimAccount], by v1alpha1.HeldBy, decisions []v1alpha1.RemovalDecision) Set {
	var open []*v1alpha1.ScimAccount
	awaited := make([]bool, len(decisions))
	for account := range accounts {
		held := account.Spec.Held
		if held == nil || held.By != by || held.Rejected {
			continue
		}
		if i := reaching(decisions, held); i >= 0 {
			awaited[i] = true
			continue
		}
		open = append(open, account)
	}
	s := setOf(open)
	for i := range decisions {
		if awaited[i] {
			s.awaited = append(s.awaited, decisions[i])
		}
	}
	return s
}

// setOf is the set of exactly these accounts.
func setOf(open []*v1alpha1.ScimAccount) (s Set) {
	if len(open) == 0 {
		return s
	}
	slices.SortFunc(open, func(a, b *v1alpha1.ScimAccount) int { return strings.Compare(a.Name, b.Name) })
	h := sha256.New()
	for _, account := range open {
		s.Count++
		write(h, account)
		if since := account.Spec.Held.Since; s.Through.Before(&since) {
			s.Through = since
		}
	}
	s.Digest = hex.EncodeToString(h.Sum(nil)[:digestBytes])
	return s
}

// write adds an account and what waits to a digest. Lengths keep one from looking like two.
func write(h hash.Hash, account *v1alpha1.ScimAccount) {
	held := account.Spec.Held
	for _, part := range []string{account.Name, string(account.UID), string(held.Change), held.Digest, fmt.Sprint(micros(&held.Since))} {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part) // a hash never fails
	}
}

// Outcome is what became of what somebody said by an annotation.
type Outcome string

const (
	// OutcomeNone is that nobody said anything.
	OutcomeNone Outcome = ""
	// OutcomeApproved is that the set was approved.
	OutcomeApproved Outcome = "Approved"
	// OutcomeRejected is that it was rejected.
	OutcomeRejected Outcome = "Rejected"
	// OutcomeStale is that the annotation names another set than the one that is held.
	OutcomeStale Outcome = "Stale"
	// OutcomeContradictory is that the set is approved and rejected at the same time, so it is neither.
	OutcomeContradictory Outcome = "Contradictory"
	// OutcomeNotYet is that holds are on their way that nobody has seen; ask again soon.
	OutcomeNotYet Outcome = "NotYet"
	// OutcomeFull is that so many decisions still wait to be carried out that no further one can be kept.
	OutcomeFull Outcome = "Full"
)

// Decide says what status.removals has to be, given what is held and what the annotations of the application or directory say. Only an
// annotation that is the digest of exactly this set decides, and only if decidable: while holds are on their way that nobody has seen,
// a decision would speak of them too. It keeps the decisions that accounts still wait for.
func Decide(s Set, annotations map[string]string, decidable bool) (v1alpha1.HeldRemovals, Outcome) {
	removals := v1alpha1.HeldRemovals{Count: s.Count, Digest: s.Digest, Decisions: s.awaited}
	outcome := heard(s, annotations)
	if outcome != OutcomeApproved && outcome != OutcomeRejected {
		return removals, outcome
	}
	switch {
	case !decidable:
		return removals, OutcomeNotYet
	case len(s.awaited) >= mostDecisions:
		return removals, OutcomeFull
	}
	decision := v1alpha1.RemovalDecision{Through: s.Through, Verdict: v1alpha1.Verdict(outcome)}
	return v1alpha1.HeldRemovals{Decisions: append(slices.Clone(s.awaited), decision)}, outcome
}

// heard is what the annotations say of s.
func heard(s Set, annotations map[string]string) Outcome {
	approve, reject := annotations[v1alpha1.AnnotationApprove], annotations[v1alpha1.AnnotationReject]
	switch {
	case s.Count == 0 || approve == "" && reject == "":
		return OutcomeNone
	case approve == s.Digest && reject == s.Digest:
		return OutcomeContradictory
	case approve == s.Digest:
		return OutcomeApproved
	case reject == s.Digest:
		return OutcomeRejected
	default:
		return OutcomeStale
	}
}

// HeldAmong are those of accounts of which a change is held.
func HeldAmong(accounts []v1alpha1.ScimAccount) iter.Seq[*v1alpha1.ScimAccount] {
	return func(yield func(*v1alpha1.ScimAccount) bool) {
		for i := range accounts {
			if accounts[i].Spec.Held != nil && !yield(&accounts[i]) {
				return
			}
		}
	}
}
