// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// after is the time that long after start; which may be negative.
func after(d time.Duration) time.Time { return start.Add(d) }

// cred is a credential that was issued so long after start, and used so long after; a negative use is none.
func cred(key string, issued, used time.Duration) v1alpha1.TokenCredential {
	c := v1alpha1.TokenCredential{KeyID: key, SHA256: strings.Repeat(key[:1], 64), IssuedAt: metav1.Time{Time: after(issued)}}
	if used >= 0 {
		c.LastUsedAt = &metav1.Time{Time: after(used)}
	}
	return c
}

const never = time.Duration(-1)

func ending(c v1alpha1.TokenCredential, end time.Duration) v1alpha1.TokenCredential {
	c.NotAfter = &metav1.Time{Time: after(end)}
	return c
}

func hours(n int) *metav1.Duration { return &metav1.Duration{Duration: time.Duration(n) * time.Hour} }

// issuedToken has those credentials.
func issuedToken(credentials ...v1alpha1.TokenCredential) *v1alpha1.ScimToken {
	tok := scimToken()
	tok.CreationTimestamp = metav1.Time{Time: start}
	tok.Status.SecretName, tok.Status.Credentials = "okta", credentials
	return tok
}

// summary is a status in one line: each credential with its end, Ready's reason, and the conditions that are there.
func summary(s *v1alpha1.ScimTokenStatus) string {
	var words []string
	for _, c := range s.Credentials {
		end := ""
		if c.NotAfter != nil {
			end = fmt.Sprintf("<%gh", c.NotAfter.Sub(start).Hours())
		}
		words = append(words, c.KeyID+end)
	}
	for _, c := range s.Conditions {
		switch {
		case c.Type == v1alpha1.ConditionReady:
			words = append(words, c.Reason)
		case c.Type != v1alpha1.ConditionStalled:
			words = append(words, c.Type+"="+c.Reason)
		}
	}
	return strings.Join(words, " ")
}

func TestPlan(t *testing.T) {
	const h = time.Hour
	rotation := func(r v1alpha1.TokenRotation) func(*v1alpha1.ScimToken) {
		return func(tok *v1alpha1.ScimToken) { tok.Spec.Rotation = r }
	}
	expires := func(at time.Duration) func(*v1alpha1.ScimToken) {
		return func(tok *v1alpha1.ScimToken) { tok.Spec.ExpiresAt = &metav1.Time{Time: after(at)} }
	}
	revoke := func(keys string) func(*v1alpha1.ScimToken) {
		return func(tok *v1alpha1.ScimToken) {
			tok.Annotations = map[string]string{v1alpha1.AnnotationRevoke: keys}
		}
	}
	bad := refused(true, v1alpha1.ReasonInvalidSecret, "bad")
	a, b, c := cred("a", 0, never), cred("b", h, never), cred("c", 2*h, never)
	for name, tc := range map[string]struct {
		reason     string
		has        []v1alpha1.TokenCredential
		but        func(*v1alpha1.ScimToken)
		at         time.Duration
		offer      offer
		uses       map[string]time.Duration
		superseded bool
		gone       bool // the directory
		drifts     bool // the time of use goes with the clock
		want       string
		next       time.Duration // 0 is never
	}{
		"First":           {reason: "a credential without an end", at: h, offer: offer{credential: &b, answers: true}, want: "b Issued", next: h + unusedAfter},
		"NewBesideOld":    {reason: "the old one stays until the deadline", at: h, has: []v1alpha1.TokenCredential{a}, offer: offer{credential: &b, answers: true}, want: "b a<169h Issued Rotating=WaitingForUse", next: 145 * h},
		"DeadlineZero":    {reason: "for one that leaked", at: h, has: []v1alpha1.TokenCredential{a}, but: rotation(v1alpha1.TokenRotation{Deadline: hours(0)}), offer: offer{credential: &b}, want: "b Issued", next: h + unusedAfter},
		"OldStillUsed":    {reason: "only the use of the new one counts", at: 3 * h, has: []v1alpha1.TokenCredential{b, a}, uses: map[string]time.Duration{"a": 3 * h}, want: "b a<169h Issued Expiring=Within7Days Rotating=WaitingForUse", next: 145 * h},
		"NewSeen":         {reason: "grace from the use", at: 3 * h, has: []v1alpha1.TokenCredential{b, ending(a, 169*h)}, uses: map[string]time.Duration{"b": 3 * h}, want: "b a<4h Issued Rotating=Grace", next: 4 * h},
		"NewSeenAgain":    {reason: "the first use counts", at: 4*h - 1, has: []v1alpha1.TokenCredential{cred("b", h, 3*h), ending(a, 4*h)}, uses: map[string]time.Duration{"b": 4*h - 1}, want: "b a<4h Issued Rotating=Grace", next: 4 * h},
		"NewSeenLate":     {reason: "not later than the deadline", at: 169*h - 1, has: []v1alpha1.TokenCredential{b, ending(a, 169*h)}, uses: map[string]time.Duration{"b": 169*h - 1}, want: "b a<169h Issued Rotating=Grace", next: 169 * h},
		"OldUsedAfterNew": {reason: "the grace goes on, and is told", at: 3*h + h/2, has: []v1alpha1.TokenCredential{cred("b", h, 3*h), ending(a, 4*h)}, uses: map[string]time.Duration{"a": 3*h + h/2}, want: "b a<4h Issued Expiring=Within1Day Rotating=Grace", next: 4 * h},
		"GraceOver":       {reason: "the old one is gone", at: 4 * h, has: []v1alpha1.TokenCredential{cred("b", h, 3*h), ending(a, 4*h)}, want: "b Issued", next: 3*h + unusedAfter},
		"DeadlineOver":    {reason: "although the new one was never seen", at: 169 * h, has: []v1alpha1.TokenCredential{b, ending(a, 169*h)}, want: "b Issued", next: h + unusedAfter},
		"DeadlinePutOff":  {reason: "the admin is on holiday", at: 3 * h, has: []v1alpha1.TokenCredential{b, ending(a, 169*h)}, but: rotation(v1alpha1.TokenRotation{Deadline: hours(1000)}), want: "b a<1001h Issued Rotating=WaitingForUse", next: 1001*h - 30*day},
		"DeadlineSooner":  {reason: "it leaked after all", at: 3 * h, has: []v1alpha1.TokenCredential{b, ending(a, 169*h)}, but: rotation(v1alpha1.TokenRotation{Deadline: hours(0)}), want: "b Issued", next: h + unusedAfter},
		"MiddleSeen":      {reason: "the use of any newer one retires", at: 3 * h, has: []v1alpha1.TokenCredential{c, b, a}, uses: map[string]time.Duration{"b": 3 * h}, want: "c b<170h a<4h Issued Expiring=Within7Days Rotating=WaitingForUse", next: 4 * h},
		"UseInTheFuture":  {reason: "a clock that is ahead", at: 3 * h, has: []v1alpha1.TokenCredential{b, a}, uses: map[string]time.Duration{"b": 500 * h}, drifts: true, want: "b a<4h Issued Rotating=Grace", next: 4 * h},
		"UseAhead":        {reason: "a clock that is a little ahead", at: 3 * h, has: []v1alpha1.TokenCredential{b, a}, uses: map[string]time.Duration{"b": 3*h + skew}, want: "b a<4.016666666666667h Issued Rotating=Grace", next: 4*h + skew},
		"UseOfAnother":    {reason: "a use of a credential that is gone", at: 3 * h, has: []v1alpha1.TokenCredential{a}, uses: map[string]time.Duration{"z": 2 * h}, want: "a Issued", next: unusedAfter},

		"CameBack":      {reason: "the Secret holds the old one again: uses before that do not count", at: 5 * h, has: []v1alpha1.TokenCredential{b, ending(cred("a", 0, 3*h), 169*h)}, offer: offer{credential: &v1alpha1.TokenCredential{KeyID: "a", SHA256: a.SHA256}}, want: "a b<173h Issued Rotating=WaitingForUse", next: 149 * h},
		"HashOfBefore":  {reason: "the Secret holds only the hash of what it held: the key id stays", at: 5 * h, has: []v1alpha1.TokenCredential{a}, offer: offer{credential: &v1alpha1.TokenCredential{KeyID: "x-a", SHA256: a.SHA256}}, want: "a Issued", next: unusedAfter},
		"OfferedAgain":  {reason: "the newest", at: 5 * h, has: []v1alpha1.TokenCredential{a}, offer: offer{credential: &v1alpha1.TokenCredential{KeyID: "a", SHA256: a.SHA256}}, want: "a Issued", next: unusedAfter},
		"BadSecret":     {reason: "what was accepted stays", at: 5 * h, has: []v1alpha1.TokenCredential{a}, offer: bad, want: "a InvalidSecret", next: unusedAfter},
		"BadFromStart":  {reason: "nothing is accepted", at: 5 * h, but: func(tok *v1alpha1.ScimToken) { tok.Status.SecretName = "" }, offer: bad, want: "InvalidSecret"},
		"BadAndRotates": {reason: "a rotation goes on meanwhile", at: 4 * h, has: []v1alpha1.TokenCredential{cred("b", h, 3*h), ending(a, 4*h)}, offer: bad, want: "b InvalidSecret", next: 3*h + unusedAfter},

		"Revoked":         {reason: "all of them", has: []v1alpha1.TokenCredential{b, a}, but: revoke("*"), want: "Revoked"},
		"RevokedByName":   {reason: "all of them, with spaces", has: []v1alpha1.TokenCredential{b, a}, but: revoke(" a, b ,"), want: "Revoked"},
		"RevokedOld":      {reason: "ends the rotation", at: 3 * h, has: []v1alpha1.TokenCredential{b, a}, but: revoke("a"), want: "b Issued", next: h + unusedAfter},
		"RevokedNew":      {reason: "the old one does not retire any more", at: 3 * h, has: []v1alpha1.TokenCredential{b, ending(a, 169*h)}, but: revoke("b"), want: "a Issued", next: unusedAfter},
		"RevokedAgain":    {reason: "what the Secret offers again is not accepted", has: []v1alpha1.TokenCredential{a}, but: revoke("b"), at: 2 * h, offer: offer{credential: &b}, want: "a Issued", next: unusedAfter},
		"StaysRevoked":    {reason: "taking the annotation away gives nothing back", want: "Revoked"},
		"NoDirectory":     {reason: "a revocation does not wait for it", gone: true, has: []v1alpha1.TokenCredential{b, a}, but: revoke("a"), want: "b DirectoryNotFound", next: h + unusedAfter},
		"Superseded":      {reason: "a newer ScimToken", superseded: true, has: []v1alpha1.TokenCredential{b, a}, offer: offer{credential: &c}, want: "Superseded"},
		"SupersededFirst": {reason: "also if it is revoked", superseded: true, has: []v1alpha1.TokenCredential{b}, but: revoke("b"), want: "Superseded"},

		"Within31Days": {reason: "not yet", has: []v1alpha1.TokenCredential{a}, but: expires(31 * day), want: "a<744h Issued", next: day},
		"Within30Days": {reason: "exactly", has: []v1alpha1.TokenCredential{a}, but: expires(30 * day), want: "a<720h Issued Expiring=Within30Days", next: 23 * day},
		"Within7Days":  {reason: "exactly", at: 23 * day, has: []v1alpha1.TokenCredential{a}, but: expires(30 * day), want: "a<720h Issued Expiring=Within7Days", next: 29 * day},
		"Within1Day":   {reason: "exactly", at: 29 * day, has: []v1alpha1.TokenCredential{a}, but: expires(30 * day), want: "a<720h Issued Expiring=Within1Day", next: 30 * day},
		"Expired":      {reason: "the newest stays", at: 30 * day, has: []v1alpha1.TokenCredential{a}, but: expires(30 * day), want: "a<720h Expired", next: unusedAfter},
		"PutOff":       {reason: "it is back", at: 31 * day, has: []v1alpha1.TokenCredential{ending(a, 720*h)}, but: expires(80 * day), want: "a<1920h Issued", next: 50 * day},
		"EndsForever":  {reason: "expiresAt was taken away", at: 31 * day, has: []v1alpha1.TokenCredential{ending(a, 720*h)}, want: "a Issued", next: unusedAfter},
		"OldExpires":   {reason: "before its retirement", at: 3 * h, has: []v1alpha1.TokenCredential{b, a}, but: expires(24 * h), want: "b<24h a<24h Issued Expiring=Within1Day Rotating=WaitingForUse", next: 24 * h},
		"OldExpired":   {reason: "it is back when expiresAt is put off, as long as it has not retired", at: 25 * h, has: []v1alpha1.TokenCredential{b, a}, but: expires(24 * h), want: "b<24h a<24h Expired Rotating=WaitingForUse", next: 169 * h},

		"Unused":       {reason: "since it was issued", at: unusedAfter, has: []v1alpha1.TokenCredential{a}, want: "a Issued Unused=NotUsed"},
		"NotUnusedYet": {reason: "a second before", at: unusedAfter - time.Second, has: []v1alpha1.TokenCredential{a}, want: "a Issued", next: unusedAfter},
		"UnusedAfter":  {reason: "since the last use", at: h + unusedAfter, has: []v1alpha1.TokenCredential{cred("a", 0, h)}, want: "a Issued Unused=NotUsed"},
		"UsedAgain":    {reason: "it is over", at: h + unusedAfter, has: []v1alpha1.TokenCredential{cred("a", 0, h)}, uses: map[string]time.Duration{"a": h + unusedAfter}, want: "a Issued", next: h + 2*unusedAfter},
		"Earlier":      {reason: "published before issuedAt was kept", at: h, has: []v1alpha1.TokenCredential{{KeyID: "a"}}, want: "a Issued", next: unusedAfter},
		"Interval":     {reason: "comes again for the next rotation", at: h, has: []v1alpha1.TokenCredential{a}, but: rotation(v1alpha1.TokenRotation{Interval: hours(24)}), want: "a Issued", next: 24 * h},
	} {
		t.Run(name, func(t *testing.T) {
			tok := issuedToken(tc.has...)
			if tc.but != nil {
				tc.but(tok)
			}
			f := facts{now: after(tc.at).Truncate(time.Second), directory: directory(), superseded: tc.superseded, offer: tc.offer, uses: map[string]time.Time{}}
			if tc.gone {
				f.directory = nil
			}
			for key, used := range tc.uses {
				f.uses[key] = after(used)
			}
			got, next := plan(tok, f)
			want := time.Time{}
			if tc.next != 0 {
				want = after(tc.next)
			}
			if summary(&got) != tc.want || !next.Equal(want) {
				t.Errorf("%s:\n got %s, next %s\nwant %s, next %s", tc.reason, summary(&got), next.Sub(start), tc.want, want.Sub(start))
			}
			if !tc.drifts {
				settled(t, tok, got, f)
			}
		})
	}
}

// settled looks again: with the same facts, and with a time that is a little later, nothing changes.
func settled(t *testing.T, tok *v1alpha1.ScimToken, s v1alpha1.ScimTokenStatus, f facts) {
	t.Helper()
	again := tok.DeepCopy()
	again.Status = s
	second, next := plan(again, f)
	if !equality.Semantic.DeepEqual(s, second) {
		t.Errorf("a second look changes:\n%s", cmp.Diff(s, second))
	}
	if next.IsZero() {
		next = f.now.Add(1000 * day)
	}
	later := f
	later.now = next.Add(-time.Second)
	if third, _ := plan(again, later); !equality.Semantic.DeepEqual(second, third) {
		t.Errorf("something changes before the instant that was named, %s:\n%s", next, cmp.Diff(second, third))
	}
}
