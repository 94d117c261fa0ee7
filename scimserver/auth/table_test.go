// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/token"
	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/directory"
)

// bubble is an Authenticator in a synctest bubble, whose table runs.
type bubble struct {
	*Authenticator
	server *apiServer
	log    strings.Builder
	// ended delivers what Run returned, once.
	ended chan error
}

// inBubble runs f with a table of one credential that only lists feed, as if its watch were cut from the beginning.
func inBubble(t *testing.T, f func(t *testing.T, b *bubble, good token.Token)) {
	synctest.Test(t, func(t *testing.T) {
		good := newToken(t, 1)
		b := &bubble{server: &apiServer{}, ended: make(chan error, 1)}
		b.server.apply(scimDirectory("team-a", "acme", ""))
		b.server.apply(scimToken("team-a", "okta", "acme", good))
		table := NewTable([]string{metav1.NamespaceAll}, time.Now)
		b.Authenticator = New(Options{Table: table, Profiles: directory.NewProfiles(nil), Now: time.Now})
		ctx, stop := context.WithCancel(t.Context())
		running := make(chan struct{})
		go func() {
			defer close(running)
			b.ended <- table.Run(ctx, b.server, slog.New(slog.NewTextHandler(&b.log, nil)))
		}()
		synctest.Wait()
		f(t, b, good)
		stop()
		<-running
	})
}

// ask returns 200, 401 or 503.
func (b *bubble) ask(ctx context.Context, tok token.Token) int {
	return answer(ctx, b.Authenticator, "Bearer "+tok.Reveal())
}

// answer is what a client is answered who presents this.
func answer(ctx context.Context, a *Authenticator, value string) int {
	_, err := a.Authenticate(ctx, http.Header{"Authorization": {value}}, acme)
	var refusal *Refusal
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &refusal):
		return http.StatusUnauthorized
	}
	return http.StatusServiceUnavailable
}

const pollInterval = 10 * time.Millisecond

// until passes the time in small steps until f says so, and returns how long it took.
func until(t *testing.T, f func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for !f() {
		if time.Since(start) > time.Minute {
			t.Fatal("it never came")
		}
		<-time.After(pollInterval)
	}
	return time.Since(start)
}

// TestRevocationWithoutAWatch: at whatever time between two lists a credential is revoked, the next list takes it.
func TestRevocationWithoutAWatch(t *testing.T) {
	for offset := time.Duration(0); offset < 2*listInterval; offset += 130 * time.Millisecond {
		inBubble(t, func(t *testing.T, b *bubble, good token.Token) {
			<-time.After(offset)
			if got := b.ask(t.Context(), good); got != http.StatusOK {
				t.Fatalf("before: %d", got)
			}
			b.server.remove(scimToken("team-a", "okta", "acme"))
			if took := until(t, func() bool { return b.ask(t.Context(), good) == http.StatusUnauthorized }); took > listInterval+pollInterval {
				t.Errorf("took %v", took)
			}
		})
	}
}

// hangs waits as a connection does that nobody answers on any more.
func hangs(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestNobodyIsBelievedWithoutTheAPIServer: five seconds after a revocation nobody is let in, and nobody is told to be wrong, however the
// API server is away and whenever it went.
func TestNobodyIsBelievedWithoutTheAPIServer(t *testing.T) {
	for name, away := range map[string]func(context.Context) error{
		"hangs": hangs, "refuses": func(context.Context) error { return errors.New("connection refused") },
	} {
		for offset := time.Duration(0); offset < 2*listInterval; offset += 310 * time.Millisecond {
			inBubble(t, func(t *testing.T, b *bubble, good token.Token) {
				<-time.After(offset)
				b.server.fail(away)
				took := until(t, func() bool {
					got := b.ask(t.Context(), good)
					if got == http.StatusUnauthorized {
						t.Errorf("%s: 401 for a fault of ours", name)
					}
					return got == http.StatusServiceUnavailable
				})
				if took > maxAge {
					t.Errorf("%s: believed for %v", name, took)
				}
				<-time.After(time.Minute)
				if got := b.ask(t.Context(), newToken(t, 9)); got != http.StatusServiceUnavailable {
					t.Errorf("%s: a stranger: %d, want 503: it may be a credential that was issued since", name, got)
				}
				b.server.fail(nil)
				if took := until(t, func() bool { return b.ask(t.Context(), good) == http.StatusOK }); took > listInterval+pollInterval {
					t.Errorf("%s: came back after %v", name, took)
				}
				synctest.Wait()
				if got := strings.Count(b.log.String(), "\n"); got != 2 {
					t.Errorf("%s: %d lines in the log, want one when it begins and one when it ends:\n%s", name, got, b.log.String())
				}
			})
		}
	}
}

// TestBlipsDoNoHarm: one list that gets lost, or an API server that is away for a second, is no outage.
func TestBlipsDoNoHarm(t *testing.T) {
	for seed := range uint64(6) {
		inBubble(t, func(t *testing.T, b *bubble, good token.Token) {
			random := rand.New(rand.NewPCG(seed, 0))
			var away atomic.Bool
			b.server.fail(func(ctx context.Context) error {
				switch {
				case !away.Load():
					return nil
				case seed%2 == 0:
					return errors.New("connection refused")
				}
				return hangs(ctx)
			})
			for range 10 {
				<-time.After(5*time.Second + time.Duration(random.Int64N(int64(5*time.Second))))
				away.Store(true)
				time.AfterFunc(time.Duration(random.Int64N(int64(time.Second))), func() { away.Store(false) })
				for range 500 {
					<-time.After(10 * time.Millisecond)
					if got := b.ask(t.Context(), good); got != http.StatusOK {
						t.Fatalf("seed %d: %d", seed, got)
					}
				}
			}
		})
	}
}

// slow answers after d.
func slow(d time.Duration) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// TestSlowAPIServer: answers that take almost three seconds are late and still good.
func TestSlowAPIServer(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble, good token.Token) {
		b.server.fail(slow(2900 * time.Millisecond))
		for range 6000 {
			<-time.After(pollInterval)
			if got := b.ask(t.Context(), good); got != http.StatusOK {
				t.Fatalf("%d", got)
			}
		}
		b.server.remove(scimToken("team-a", "okta", "acme"))
		if took := until(t, func() bool { return b.ask(t.Context(), good) == http.StatusUnauthorized }); took > maxAge {
			t.Errorf("took %v", took)
		}
	})
}

// TestExpiryByTheClock: a credential ends at its time, although nobody tells.
func TestExpiryByTheClock(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble, good token.Token) {
		ends := scimToken("team-a", "okta", "acme", good)
		ends.Status.Credentials[0].NotAfter = &metav1.Time{Time: time.Now().Add(20 * time.Second)}
		b.server.apply(ends)
		<-time.After(20*time.Second - 1)
		if got := b.ask(t.Context(), good); got != http.StatusOK {
			t.Errorf("at the last moment: %d", got)
		}
		<-time.After(1)
		if got := b.ask(t.Context(), good); got != http.StatusUnauthorized {
			t.Errorf("after its end: %d", got)
		}
	})
}

// TestLastTokenGone: a directory without any token is a directory that nobody opens, and not a fault (REL-19).
func TestLastTokenGone(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble, good token.Token) {
		b.server.remove(scimToken("team-a", "okta", "acme"))
		until(t, func() bool { return b.ask(t.Context(), good) == http.StatusUnauthorized })
	})
}

// goBack makes the API server what it was some versions ago.
func (b *bubble) goBack(versions int) {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	b.server.version -= versions
}

// TestRestoredData: when the data of the API server go back, nobody is believed, and the process is told to begin anew. It is not told so for
// one list that was overtaken, nor because nothing answers.
func TestRestoredData(t *testing.T) {
	for name, away := range map[string]func(context.Context) error{"Answers": nil, "Late": slow(3 * time.Second)} {
		inBubble(t, func(t *testing.T, b *bubble, good token.Token) {
			until(t, func() bool { return b.ask(t.Context(), good) == http.StatusOK })
			b.server.fail(away)
			b.goBack(1)
			until(t, func() bool { return b.ask(t.Context(), good) == http.StatusServiceUnavailable })
			start := time.Now()
			if err := <-b.ended; !errors.Is(err, ErrRestored) {
				t.Errorf("%s: ended with %v", name, err)
			}
			if took := time.Since(start); took > restoredAfter+maxAge || took < restoredAfter-maxAge-listInterval {
				t.Errorf("%s: after %v", name, took)
			}
			if got := b.ask(t.Context(), good); got != http.StatusServiceUnavailable {
				t.Errorf("%s: afterwards %d", name, got)
			}
		})
	}
	inBubble(t, func(t *testing.T, b *bubble, good token.Token) {
		for range 20 {
			b.goBack(1)
			<-time.After(restoredAfter - maxAge)
			b.goBack(-1)
			until(t, func() bool { return b.ask(t.Context(), good) == http.StatusOK })
		}
		b.server.fail(hangs)
		<-time.After(10 * restoredAfter)
		b.server.fail(nil)
		until(t, func() bool { return b.ask(t.Context(), good) == http.StatusOK })
		select {
		case err := <-b.ended:
			t.Errorf("ended with %v", err)
		default:
		}
	})
}

// TestTableForgets: rotation after rotation leaves nothing behind.
func TestTableForgets(t *testing.T) {
	table, server := NewTable([]string{metav1.NamespaceAll}, time.Now), &apiServer{}
	for round := range byte(50) {
		stored, _ := server.apply(scimToken("team-a", "okta", "acme", newToken(t, round), newToken(t, round+1))).(*v1alpha1.ScimToken)
		table.tokens.put(stored)
		if got := len(table.byKeyID); got != 2 {
			t.Fatalf("round %d: %d key ids", round, got)
		}
	}
	if err := table.Refresh(t.Context(), &apiServer{version: server.version}, ""); err != nil || len(table.byKeyID)+len(table.tokens.known) != 0 {
		t.Errorf("%v, left: %v %v", err, table.byKeyID, table.tokens.known)
	}
}
