// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

const day = 24 * time.Hour

// unusedAfter is how long a ScimToken may not be used before that is told.
const unusedAfter = 90 * day

// warning is how long before its end a credential is said to expire.
type warning struct {
	before time.Duration
	reason string
}

// warnings are all of them, the last one first.
func warnings() []warning {
	return []warning{
		{day, v1alpha1.ReasonExpiresWithin1Day}, {7 * day, v1alpha1.ReasonExpiresWithin7Days}, {30 * day, v1alpha1.ReasonExpiresWithin30Days},
	}
}

// setConditions says how the credentials of s stand.
func setConditions(s *v1alpha1.ScimTokenStatus, tok *v1alpha1.ScimToken, f facts) {
	verdictOf(s, tok, f).Set(&s.Conditions, tok.Generation)
	for _, c := range []struct {
		kind string
		is   *metav1.Condition // nil is not so
	}{
		{v1alpha1.ConditionExpiring, expiring(s.Credentials, f.now)},
		{v1alpha1.ConditionRotating, rotating(s.Credentials)},
		{v1alpha1.ConditionUnused, unused(s.Credentials, f.now)},
	} {
		if c.is == nil {
			meta.RemoveStatusCondition(&s.Conditions, c.kind)
			continue
		}
		c.is.Type, c.is.Status, c.is.ObservedGeneration = c.kind, metav1.ConditionTrue, tok.Generation
		meta.SetStatusCondition(&s.Conditions, *c.is)
	}
}

// verdictOf is Ready and Stalled.
func verdictOf(s *v1alpha1.ScimTokenStatus, tok *v1alpha1.ScimToken, f facts) status.Verdict {
	all, problem := tok.RevokesAll(), f.offer.problem
	// A generated credential that has ended comes back by no Secret, so what is wrong with that does not matter unless a new one is due.
	hasEnded := all || len(s.Credentials) == 0 && (problem == nil || tok.Spec.Provided == nil && isIssued(tok) && !due(tok, f))
	was := meta.FindStatusCondition(tok.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case f.directory == nil:
		return status.Waiting(v1alpha1.ReasonDirectoryNotFound, "waiting for the ScimDirectory that directoryRef names")
	case f.superseded:
		return status.Stalled(v1alpha1.ReasonSuperseded, "a newer ScimToken of the directory is issued, and the directory lets only the newest be valid: delete this one")
	case isExpired(tok, f.now):
		return status.Stalled(v1alpha1.ReasonExpired, "expiresAt has passed: the credential is valid again as soon as expiresAt is put off")
	case hasEnded && !all && was != nil && was.Reason == v1alpha1.ReasonSuperseded:
		return status.Stalled(v1alpha1.ReasonSuperseded, "a newer ScimToken ended every credential; "+howToRevive(tok))
	case hasEnded:
		return status.Stalled(v1alpha1.ReasonRevoked, "every credential has ended; "+howToRevive(tok))
	case problem != nil:
		return problem.verdict(len(s.Credentials) > 0)
	default:
		return status.Ready(v1alpha1.ReasonIssued, f.offer.remark)
	}
}

// verdict says what is wrong, and that what was accepted before still is.
func (p *problem) verdict(accepts bool) status.Verdict {
	message := p.message
	if accepts {
		message += "; what was accepted before still is"
	}
	if p.stalled {
		return status.Stalled(p.reason, message)
	}
	return status.Waiting(p.reason, message)
}

// howToRevive says what makes a credential be accepted again.
func howToRevive(tok *v1alpha1.ScimToken) string {
	switch {
	case tok.Spec.Provided == nil:
		return fmt.Sprintf("for a new one, give the annotation %s another value, and let the annotation %s not be *", v1alpha1.AnnotationRotate, v1alpha1.AnnotationRevoke)
	case tok.RevokesAll():
		return fmt.Sprintf("put another one into the Secret, then take the annotation %s away", v1alpha1.AnnotationRevoke)
	default:
		return "put another one into the Secret"
	}
}

// expiring tells that the credential that the identity provider uses is about to end.
func expiring(credentials []v1alpha1.TokenCredential, now time.Time) *metav1.Condition {
	if len(credentials) == 0 {
		return nil
	}
	c := credentials[inUse(credentials)]
	if c.NotAfter == nil || !c.NotAfter.After(now) {
		return nil
	}
	for _, w := range warnings() {
		if c.NotAfter.Sub(now) <= w.before {
			return &metav1.Condition{Reason: w.reason, Message: fmt.Sprintf("credential %s ends at %s", c.KeyID, stamp(c.NotAfter.Time))}
		}
	}
	return nil
}

// rotating tells that there are old credentials beside the newest, and whether that is in use.
func rotating(credentials []v1alpha1.TokenCredential) *metav1.Condition {
	if len(credentials) < 2 {
		return nil
	}
	newest, old := credentials[0], credentials[1]
	if using := inUse(credentials); using > 0 {
		old = credentials[using]
	}
	ends := fmt.Sprintf("the old credential %s ends at %s", old.KeyID, stamp(old.NotAfter.Time))
	switch {
	case !isUsed(newest):
		return &metav1.Condition{
			Reason:  v1alpha1.ReasonWaitingForUse,
			Message: fmt.Sprintf("the new credential %s was not used yet: give it to the identity provider; %s", newest.KeyID, ends),
		}
	case lastUse(old).After(lastUse(newest)):
		return &metav1.Condition{Reason: v1alpha1.ReasonGrace, Message: fmt.Sprintf("the new credential %s was used, and the old one after it; %s", newest.KeyID, ends)}
	default:
		return &metav1.Condition{Reason: v1alpha1.ReasonGrace, Message: fmt.Sprintf("the new credential %s is in use; %s", newest.KeyID, ends)}
	}
}

// unused tells that nobody seems to need the ScimToken.
func unused(credentials []v1alpha1.TokenCredential, now time.Time) *metav1.Condition {
	if len(credentials) == 0 || idleSince(credentials).Add(unusedAfter).After(now) {
		return nil
	}
	return &metav1.Condition{Reason: v1alpha1.ReasonNotUsed, Message: "no credential was seen in use for 90 days: delete the ScimToken if nobody needs it"}
}

// idleSince is when a credential was last used, or the first of them issued if none ever was.
func idleSince(credentials []v1alpha1.TokenCredential) time.Time {
	if last := lastUse(credentials[inUse(credentials)]); !last.IsZero() {
		return last
	}
	return credentials[len(credentials)-1].IssuedAt.Time
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
