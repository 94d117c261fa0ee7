// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scim-operator/scim-operator/api/token"
)

// afterOutage is a bubble whose API server has been away for so long that the table does not count any more.
func afterOutage(t *testing.T, f func(t *testing.T, b *bubble, good token.Token)) {
	inBubble(t, func(t *testing.T, b *bubble, good token.Token) {
		b.server.fail(hangs)
		until(t, func() bool { return b.ask(t.Context(), good) == http.StatusServiceUnavailable })
		b.Patience = 10 * time.Second
		f(t, b, good)
	})
}

// timed returns the answer and how long it took.
func (b *bubble) timed(ctx context.Context, tok token.Token) (int, time.Duration) {
	start := time.Now()
	return b.ask(ctx, tok), time.Since(start)
}

// TestGoodCredentialWaits: an API server that comes back in time has made the request slow, and that is all.
func TestGoodCredentialWaits(t *testing.T) {
	for _, away := range []time.Duration{0, time.Second, 7300 * time.Millisecond} {
		afterOutage(t, func(t *testing.T, b *bubble, good token.Token) {
			time.AfterFunc(away, func() { b.server.fail(nil) })
			got, took := b.timed(t.Context(), good)
			if got != http.StatusOK || took < away || took > away+listInterval {
				t.Errorf("away for %v more: %d after %v", away, got, took)
			}
		})
	}
}

// TestRevokedWhileWaiting: who waits is looked at again, by what the API server says then.
func TestRevokedWhileWaiting(t *testing.T) {
	afterOutage(t, func(t *testing.T, b *bubble, good token.Token) {
		time.AfterFunc(3*time.Second, func() {
			b.server.remove(scimToken("team-a", "okta", "acme"))
			b.server.fail(nil)
		})
		if got, took := b.timed(t.Context(), good); got != http.StatusUnauthorized {
			t.Errorf("%d after %v", got, took)
		}
	})
}

// TestPatienceEnds: nobody waits for longer than they are let, and whoever gets no yes in any case does not wait at all.
func TestPatienceEnds(t *testing.T) {
	afterOutage(t, func(t *testing.T, b *bubble, good token.Token) {
		if got, took := b.timed(t.Context(), good); got != http.StatusServiceUnavailable || took != b.Patience {
			t.Errorf("%d after %v, want 503 after %v", got, took, b.Patience)
		}
		if got, took := b.timed(t.Context(), newToken(t, 9)); got != http.StatusServiceUnavailable || took != 0 {
			t.Errorf("a stranger: %d after %v, want 503 at once", got, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if got, took := b.timed(ctx, good); got != http.StatusServiceUnavailable || took != time.Second {
			t.Errorf("%d after %v, want 503 when the request ends", got, took)
		}
	})
}

// TestFewWait: those that wait are bounded, whatever is done with a good credential, and all of them are let in at once.
func TestFewWait(t *testing.T) {
	afterOutage(t, func(t *testing.T, b *bubble, good token.Token) {
		answers := make(chan int, maxWaiting)
		for range maxWaiting {
			go func() { answers <- b.ask(t.Context(), good) }()
		}
		synctest.Wait()
		if got, took := b.timed(t.Context(), good); got != http.StatusServiceUnavailable || took != 0 {
			t.Errorf("one too many: %d after %v, want 503 at once", got, took)
		}
		b.server.fail(nil)
		for range maxWaiting {
			if got := <-answers; got != http.StatusOK {
				t.Fatalf("%d", got)
			}
		}
		if got := b.ask(t.Context(), good); got != http.StatusOK || len(b.waiting) != 0 {
			t.Errorf("afterwards: %d, %d wait", got, len(b.waiting))
		}
	})
}
