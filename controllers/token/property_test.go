// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// life is a ScimToken to which random things happen, and what a reader of the contract remembers of it.
type life struct {
	*rand.Rand
	tok  *v1alpha1.ScimToken
	now  time.Time
	made int
	// uses are the last ones, first those that ended the credentials before; replaced is when something newer was issued.
	uses, first, replaced map[string]time.Time
	revoked               map[string]bool
	// ends is whether there ever is an expiresAt, and moved is whether it was changed just now.
	ends, moved bool
}

func newLife(seed uint64) *life {
	l := &life{
		Rand: rand.New(rand.NewPCG(seed, 0)), tok: scimToken(), now: start,
		uses: map[string]time.Time{}, first: map[string]time.Time{}, replaced: map[string]time.Time{}, revoked: map[string]bool{}, ends: seed%2 == 0,
	}
	l.tok.CreationTimestamp = metav1.Time{Time: start}
	l.tok.Spec.Rotation = v1alpha1.TokenRotation{Grace: hours(l.IntN(5)), Deadline: hours(l.IntN(200))}
	return l
}

func (l *life) credentials() []v1alpha1.TokenCredential { return l.tok.Status.Credentials }

// live are the key ids that scim-server accepts now.
func (l *life) live() (keys []string) {
	for _, c := range l.credentials() {
		if !l.revoked[c.KeyID] && (c.NotAfter == nil || c.NotAfter.After(l.now)) {
			keys = append(keys, c.KeyID)
		}
	}
	return keys
}

// happen is one random thing. It returns what the Secret offers.
func (l *life) happen() (o offer) {
	l.now = l.now.Add(time.Duration(l.IntN(4*3600)) * time.Second)
	live := l.live()
	l.moved = false
	switch l.IntN(8) {
	case 0, 1:
		l.made++
		c := v1alpha1.TokenCredential{KeyID: fmt.Sprintf("k%d", l.made), SHA256: fmt.Sprintf("%064d", l.made)}
		for _, old := range l.credentials() {
			if _, known := l.replaced[old.KeyID]; !known {
				l.replaced[old.KeyID] = l.now
			}
		}
		return offer{credential: &c}
	case 2, 3, 4:
		if len(live) > 0 {
			l.use(live[l.IntN(len(live))])
		}
	case 5:
		if len(live) > 1 && l.IntN(4) == 0 {
			l.revoked[live[l.IntN(len(live))]] = true
		}
		l.tok.Annotations = map[string]string{v1alpha1.AnnotationRevoke: strings.Join(keysOf(l.revoked), ",")}
	case 6:
		l.tok.Spec.ExpiresAt, l.moved = nil, true
		if l.ends && l.IntN(3) == 0 {
			l.tok.Spec.ExpiresAt = &metav1.Time{Time: l.now.Add(time.Duration(l.IntN(100)-20) * time.Hour)}
		}
	}
	return offer{}
}

func (l *life) use(key string) {
	l.uses[key] = l.now
	if _, known := l.first[key]; !known {
		l.first[key] = l.now
	}
}

func keysOf(m map[string]bool) (keys []string) {
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// mayGo is whether the contract lets a credential be dropped now, that is not revoked: something newer took its place, and its deadline is over, or the grace
// since a newer one was first used, or there were too many and it is not the one in use.
func (l *life) mayGo(at int, tooMany bool) bool {
	all := l.credentials()
	c := all[at]
	replaced, isOld := l.replaced[c.KeyID]
	if !isOld {
		return false
	}
	if !l.now.Before(replaced.Add(deadlineOf(l.tok.Spec.Rotation))) || tooMany && at != inUse(all) {
		return true
	}
	for key, first := range l.first { // also of those that were revoked since
		// A grace that expiresAt has cut short is not made longer again: when it began is not kept.
		over := !l.now.Before(first.Add(graceOf(l.tok.Spec.Rotation))) || l.ends && !c.NotAfter.After(l.now) || isExpired(l.tok, l.now)
		if over && number(key) > number(c.KeyID) {
			return true
		}
	}
	return false
}

// number is how many credentials were made before the one with that key id, and it.
func number(key string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(key, "k"))
	return n
}

// TestPropertiesOfPlan lets random things happen to many ScimTokens.
func TestPropertiesOfPlan(t *testing.T) {
	for seed := range uint64(200) {
		l := newLife(seed)
		for range 60 {
			o := l.happen()
			tooMany := len(l.credentials()) >= maxCredentials && o.credential != nil
			f := facts{now: l.now, directory: directory(), uses: l.uses, offer: o}
			s, _ := plan(l.tok, f)
			l.check(t, seed, s, tooMany)
			settled(t, l.tok, s, f)
			l.tok.Status = s
			if t.Failed() {
				t.Fatalf("seed %d, %s after the start: %s", seed, l.now.Sub(start), summary(&s))
			}
		}
	}
}

// check holds a status against the one before it.
func (l *life) check(t *testing.T, seed uint64, s v1alpha1.ScimTokenStatus, tooMany bool) {
	t.Helper()
	if len(s.Credentials) > maxCredentials {
		t.Errorf("seed %d: %d credentials", seed, len(s.Credentials))
	}
	for i, c := range s.Credentials {
		if l.revoked[c.KeyID] {
			t.Errorf("seed %d: %s is revoked and there", seed, c.KeyID)
		}
		if i > 0 && (c.NotAfter == nil || c.IssuedAt.After(s.Credentials[i-1].IssuedAt.Time)) {
			t.Errorf("seed %d: %s has no end or is not in its place", seed, c.KeyID)
		}
		if expires := l.tok.Spec.ExpiresAt; expires != nil && (c.NotAfter == nil || c.NotAfter.After(expires.Time)) {
			t.Errorf("seed %d: %s outlives expiresAt", seed, c.KeyID)
		}
	}
	for i, was := range l.credentials() {
		at := slices.IndexFunc(s.Credentials, func(c v1alpha1.TokenCredential) bool { return c.KeyID == was.KeyID })
		switch {
		case at < 0 && !l.revoked[was.KeyID] && !l.mayGo(i, tooMany):
			t.Errorf("seed %d: %s was dropped too early", seed, was.KeyID)
		case at >= 0 && lastUse(s.Credentials[at]).Before(lastUse(was)):
			t.Errorf("seed %d: the last use of %s went back", seed, was.KeyID)
		case i > 0 && at > 0 && !l.moved && !tooMany && len(l.revoked) == 0 && s.Credentials[at].NotAfter.After(was.NotAfter.Time):
			t.Errorf("seed %d: the end of %s was put off", seed, was.KeyID)
		}
	}
}

// TestNothingIsKeptTooLong: whatever happened, once nothing happens any more one credential is left.
func TestNothingIsKeptTooLong(t *testing.T) {
	for seed := range uint64(100) {
		l := newLife(seed)
		for range 40 {
			o := l.happen()
			l.tok.Status, _ = plan(l.tok, facts{now: l.now, directory: directory(), uses: l.uses, offer: o})
		}
		l.tok.Spec.ExpiresAt = nil
		for range 30 {
			s, next := plan(l.tok, facts{now: l.now, directory: directory(), uses: l.uses})
			l.tok.Status = s
			if next.IsZero() {
				break
			}
			l.now = next
		}
		if len(l.credentials()) > 1 {
			t.Errorf("seed %d: left %s", seed, summary(&l.tok.Status))
		}
		if diff := cmp.Diff(v1alpha1.ReasonIssued, reason(l.tok)); len(l.credentials()) == 1 && diff != "" {
			t.Errorf("seed %d: %s", seed, diff)
		}
	}
}
