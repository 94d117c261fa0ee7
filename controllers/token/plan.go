// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

const (
	// maxCredentials is how many the status has at most.
	maxCredentials = 5
	// skew is how far the clocks of scim-server and scim-controller may be apart when a use is held against the time of issue.
	skew = time.Minute
)

// facts are what a plan is made of, beside the ScimToken itself.
type facts struct {
	// now is the time in whole seconds: the API keeps no smaller ones.
	now time.Time
	// directory is nil when there is none, or when it has no URL yet.
	directory *v1alpha1.ScimDirectory
	// superseded is whether a newer ScimToken ends this one.
	superseded bool
	// uses are when the credentials were last used, by key id.
	uses map[string]time.Time
	// offer is what the Secret says.
	offer offer
}

// offer is what the Secret of a ScimToken says. The zero offer says nothing, and nothing changes by it.
type offer struct {
	// credential is to be accepted, and to be the newest: its key id, hash and user name. It may be the one that is the newest already.
	credential *v1alpha1.TokenCredential
	// answers is whether the credential was made because one was due.
	answers bool
	// problem is what is wrong with the Secret, nil if nothing is.
	problem *problem
	// remark is about a Secret with which nothing is wrong.
	remark string
}

// problem is what is wrong with a Secret.
type problem struct {
	// stalled is whether somebody has to change something; otherwise it is waited for.
	stalled         bool
	reason, message string
}

// refused is an offer of nothing but a problem. What was accepted before stays: a slip of an editor locks no identity provider out.
func refused(stalled bool, reason, message string) offer {
	return offer{problem: &problem{stalled: stalled, reason: reason, message: message}}
}

// plan returns the status that a ScimToken shall have, and when that changes although nothing happens; the zero time is never. It depends on its
// arguments alone. A status that is as it shall be comes back equal.
func plan(tok *v1alpha1.ScimToken, f facts) (v1alpha1.ScimTokenStatus, time.Time) {
	after := *tok.Status.DeepCopy()
	after.ObservedGeneration = tok.Generation
	credentials := observe(after.Credentials, tok, f)
	if f.offer.credential != nil {
		credentials = accept(credentials, *f.offer.credential, f.now)
	}
	if f.offer.answers {
		after.Rotated = rotateValue(tok)
	}
	credentials = slices.DeleteFunc(credentials, func(c v1alpha1.TokenCredential) bool { return f.superseded || tok.Revokes(c.KeyID) })
	// Who is dropped for being too many may have been the one by which another retires.
	after.Credentials = retire(bound(retire(credentials, tok, f.now)), tok, f.now)
	if len(after.Credentials) > 0 || f.offer.answers {
		after.SecretName = secretName(tok)
	}
	setConditions(&after, tok, f)
	return after, next(&after, tok, f.now)
}

// observe copies what is known about the use of credentials, which only moves forward. A use that is farther ahead than clocks may be apart counts as one
// of now.
func observe(credentials []v1alpha1.TokenCredential, tok *v1alpha1.ScimToken, f facts) []v1alpha1.TokenCredential {
	for i := range credentials {
		c := &credentials[i]
		if c.IssuedAt.IsZero() { // published before there was such a field
			c.IssuedAt = tok.CreationTimestamp
		}
		at, known := f.uses[c.KeyID]
		if at = at.Truncate(time.Second); at.After(f.now.Add(skew)) {
			at = f.now
		}
		if known && (c.LastUsedAt == nil || at.After(c.LastUsedAt.Time)) {
			c.LastUsedAt = &metav1.Time{Time: at}
		}
	}
	return credentials
}

// accept makes a credential the newest. One that is retiring comes back; of the newest, only the user name can be another. What is there keeps its key id:
// from the hash alone it cannot be told whether the credential carries one.
func accept(credentials []v1alpha1.TokenCredential, fresh v1alpha1.TokenCredential, now time.Time) []v1alpha1.TokenCredential {
	at := slices.IndexFunc(credentials, func(c v1alpha1.TokenCredential) bool { return c.SHA256 == fresh.SHA256 })
	if at == 0 {
		credentials[0].Username = fresh.Username
		return credentials
	}
	if at > 0 {
		fresh.KeyID, fresh.LastUsedAt = credentials[at].KeyID, credentials[at].LastUsedAt
	}
	fresh.IssuedAt = metav1.Time{Time: now}
	others := slices.DeleteFunc(credentials, func(c v1alpha1.TokenCredential) bool { return c.KeyID == fresh.KeyID })
	return append([]v1alpha1.TokenCredential{fresh}, others...)
}

// retire says until when each credential is accepted, and drops those that have retired. The newest does not retire: when it ends at expiresAt
// it stays, so that it is back when that is put off.
func retire(credentials []v1alpha1.TokenCredential, tok *v1alpha1.ScimToken, now time.Time) (kept []v1alpha1.TokenCredential) {
	for i, c := range credentials {
		if i == 0 {
			c.NotAfter = tok.Spec.ExpiresAt.DeepCopy()
			kept = append(kept, c)
			continue
		}
		end := retirement(c, kept, tok.Spec.Rotation)
		if !end.After(now) {
			continue
		}
		if expires := tok.Spec.ExpiresAt; expires != nil && expires.Time.Before(end) {
			end = expires.Time
		}
		c.NotAfter = &metav1.Time{Time: end}
		kept = append(kept, c)
	}
	return kept
}

// retirement is when a credential ends because of the newer ones, of which the last took its place: at the deadline, or when the grace is over after
// any of them was first seen in use. When that was is not kept: later uses only give later ends, and the earliest that was found counts.
func retirement(c v1alpha1.TokenCredential, newer []v1alpha1.TokenCredential, rotation v1alpha1.TokenRotation) time.Time {
	end := newer[len(newer)-1].IssuedAt.Add(deadlineOf(rotation))
	for _, n := range newer {
		if !isUsed(n) {
			continue
		}
		if c.NotAfter != nil && c.NotAfter.Time.Before(end) {
			end = c.NotAfter.Time
		}
		if over := n.LastUsedAt.Add(graceOf(rotation)); over.Before(end) {
			end = over
		}
	}
	return end
}

// isUsed is whether a credential was seen in use since it was issued. One that came back may have been used before.
func isUsed(c v1alpha1.TokenCredential) bool {
	return c.LastUsedAt != nil && !c.LastUsedAt.Time.Before(c.IssuedAt.Add(-skew))
}

// bound drops credentials that are too many: of the retiring ones those that were never used, the oldest first, then those whose use is longest ago. So
// the one that the identity provider uses stays.
func bound(credentials []v1alpha1.TokenCredential) []v1alpha1.TokenCredential {
	for len(credentials) > maxCredentials {
		victim := len(credentials) - 1
		for i := victim - 1; i > 0; i-- {
			if lastUse(credentials[i]).Before(lastUse(credentials[victim])) {
				victim = i
			}
		}
		credentials = slices.Delete(credentials, victim, victim+1)
	}
	return credentials
}

// lastUse is the zero time if there was none.
func lastUse(c v1alpha1.TokenCredential) time.Time {
	if c.LastUsedAt == nil {
		return time.Time{}
	}
	return c.LastUsedAt.Time
}

// inUse is the index of the credential that the identity provider used last; before the first use it is the newest.
func inUse(credentials []v1alpha1.TokenCredential) int {
	index := 0
	for i, c := range credentials {
		if lastUse(c).After(lastUse(credentials[index])) {
			index = i
		}
	}
	return index
}

// next is the first instant after now at which a plan would be another one.
func next(s *v1alpha1.ScimTokenStatus, tok *v1alpha1.ScimToken, now time.Time) (first time.Time) {
	consider := func(t time.Time) {
		if t.After(now) && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	for i, c := range s.Credentials {
		if i > 0 {
			consider(retirement(c, s.Credentials[:i], tok.Spec.Rotation))
		}
		if c.NotAfter != nil {
			consider(c.NotAfter.Time)
			for _, w := range warnings() {
				consider(c.NotAfter.Add(-w.before))
			}
		}
	}
	if expires := tok.Spec.ExpiresAt; expires != nil {
		consider(expires.Time)
	}
	if len(s.Credentials) > 0 {
		consider(idleSince(s.Credentials).Add(unusedAfter))
		if interval := tok.Spec.Rotation.Interval; interval != nil {
			consider(s.Credentials[0].IssuedAt.Add(interval.Duration))
		}
	}
	return first
}
