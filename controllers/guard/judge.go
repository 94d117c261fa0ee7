// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// judge decides about c. Nothing but the clock and the windows that it moves is changed.
func (n *namespace) judge(at int64, e *entry, c *Change, r *Rules) Verdict {
	if c.Unconditional {
		return Verdict{}
	}
	held := e.holdOf(c)
	expedited, approved := r.expedites(c.UserName), false
	if held != nil && held.By != v1alpha1.HeldByInvariant && c.guarded() && !expedited {
		switch verdict := r.decision(held); {
		case held.Rejected || verdict == v1alpha1.VerdictRejected:
			return Verdict{Held: rejected(held)}
		case verdict == v1alpha1.VerdictApproved:
			approved = true
		case r.guards(held.By) && e.wavers(c):
			return n.hold(at, c, r, nil, held.By, "") // it is not certain that anybody sees the old one
		case r.guards(held.By):
			return Verdict{Held: held.DeepCopy()}
		}
	}
	if name := r.broken(e, c); name != "" {
		return n.hold(at, c, r, held, v1alpha1.HeldByInvariant, name)
	}
	if !c.guarded() || expedited || approved || !r.guarded() {
		return Verdict{}
	}
	if by := n.refusedBy(at, e, c, r); by != "" {
		return n.hold(at, c, r, nil, by, "")
	}
	return letGo(at, e, c)
}

// guarded reports whether c is a removal.
func (c *Change) guarded() bool { return c.Loses || c.Deletes }

// letGo is the verdict about a removal that counts. It does not take back that there was a later one, before the clock went back.
func letGo(at int64, e *entry, c *Change) (v Verdict) {
	if c.Loses {
		v.LostAccessAt = microTime(max(at, e.mark(reversible)))
	}
	if c.Deletes {
		v.DeletedAt = microTime(max(at, e.mark(irreversible)))
	}
	return v
}

// rejected is held, and that somebody said no to it.
func rejected(held *v1alpha1.HeldChange) *v1alpha1.HeldChange {
	held = held.DeepCopy()
	held.Rejected = true
	return held
}

// hold is the verdict that c waits. It has waited since before, if by an invariant then too.
func (n *namespace) hold(at int64, c *Change, r *Rules, before *v1alpha1.HeldChange, by v1alpha1.HeldBy, invariant string) Verdict {
	held := &v1alpha1.HeldChange{By: by, Invariant: invariant, Change: c.Kind, Digest: c.Digest}
	if before != nil && before.By == by {
		held.Since = before.Since
	} else {
		held.Since = n.nextSince(at, r)
	}
	return Verdict{Held: held}
}

// nextSince is later than every time that was handed out before and than all that was ever decided about, whatever the clock says.
func (n *namespace) nextSince(at int64, r *Rules) metav1.MicroTime {
	n.since = max(at, n.since+1)
	for _, removals := range r.removals() {
		for i := range removals.Decisions {
			n.since = max(n.since, micros(&removals.Decisions[i].Through)+1)
		}
	}
	return *microTime(n.since)
}

// refusedBy returns the first guard that has no place left for c, empty if all have.
func (n *namespace) refusedBy(at int64, e *entry, c *Change, r *Rules) v1alpha1.HeldBy {
	for _, s := range e.application.scopes() {
		g, by := r.guardOf(s.level)
		if !enabled(g) {
			continue
		}
		n.ready(s, windowOf(g), at)
		for k := range kinds {
			if c.counts(k) && s.refuses(c.User, k, allowed(limitOf(g, k), s.base)) {
				return by
			}
		}
	}
	return ""
}

// guardOf returns the guard of that level, nil if there is none.
func (r *Rules) guardOf(l level) (*v1alpha1.RemovalGuard, v1alpha1.HeldBy) {
	switch {
	case l == ofApplication && r.Application != nil:
		return &r.Application.Spec.RemovalGuard, v1alpha1.HeldByApplication
	case l == ofDirectory && r.Directory != nil:
		return &r.Directory.Spec.RemovalGuard, v1alpha1.HeldByDirectory
	default:
		return nil, ""
	}
}

func enabled(g *v1alpha1.RemovalGuard) bool { return g != nil && g.Policy != v1alpha1.GuardDisabled }

// guarded reports whether any guard holds anything.
func (r *Rules) guarded() bool {
	return r.guards(v1alpha1.HeldByDirectory) || r.guards(v1alpha1.HeldByApplication)
}

// guards reports whether that guard holds anything.
func (r *Rules) guards(by v1alpha1.HeldBy) bool {
	l := ofApplication
	if by == v1alpha1.HeldByDirectory {
		l = ofDirectory
	}
	g, _ := r.guardOf(l)
	return enabled(g)
}

// expedites reports whether somebody said that the removals of that user go through at once.
func (r *Rules) expedites(userName string) bool {
	for l := range levels {
		if g, _ := r.guardOf(l); g != nil && expedites(g, userName) {
			return true
		}
	}
	return false
}

// removals are the statuses that hold decisions.
func (r *Rules) removals() (all []*v1alpha1.HeldRemovals) {
	if r.Application != nil {
		all = append(all, &r.Application.Status.Removals)
	}
	if r.Directory != nil {
		all = append(all, &r.Directory.Status.Removals)
	}
	return all
}

// decision is what somebody decided about held, empty if nobody did.
func (r *Rules) decision(held *v1alpha1.HeldChange) v1alpha1.Verdict {
	switch {
	case held.By == v1alpha1.HeldByApplication && r.Application != nil:
		return decided(r.Application.Status.Removals.Decisions, held)
	case held.By == v1alpha1.HeldByDirectory && r.Directory != nil:
		return decided(r.Directory.Status.Removals.Decisions, held)
	default:
		return ""
	}
}
