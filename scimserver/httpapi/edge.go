// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/scim-operator/scim-operator/scimserver/auth"
)

// elapsed is the clock of all that is counted in here.
func (s *server) elapsed() time.Duration { return s.Now().Sub(s.began) }

// authenticate lets nobody through without a credential for the directory of the path; where the path names none, any of a ScimToken does.
// It comes before whatever there is only so much of, so that strangers take nothing from others.
func (s *server) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, err := s.identify(r)
		if err != nil {
			s.turnAway(w, r, err)
			return
		}
		exchangeOf(r).identity = id
		next.ServeHTTP(w, r.WithContext(auth.NewContext(r.Context(), id)))
	})
}

// identify refuses a token in the query before it looks at any other (RFC 6750 §2.3): what is in a URL is in the logs of every proxy.
func (s *server) identify(r *http.Request) (auth.Identity, error) {
	if hasParameter(r.URL.RawQuery, "access_token") {
		return auth.Identity{}, &auth.Refusal{Presented: true, Malformed: true}
	}
	return s.Auth.Authenticate(r.Context(), r.Header, scopeOf(r.URL.Path))
}

// turnAway answers who was not let in. Above the limits it is 429 instead, the same whatever was wrong, and the rest of the
// request is not read.
func (s *server) turnAway(w http.ResponseWriter, r *http.Request, err error) {
	x, cause := exchangeOf(r), err
	x.identity.TokenKeyID = refusedKeyID(err)
	if !errors.Is(err, auth.ErrUnavailable) && s.failures.tooMany(x.source, s.elapsed()) {
		x.hushed, err = hushedFailure, errManyFailures()
		if r.ContentLength != 0 {
			w.Header().Set("Connection", "close")
		}
	}
	respond(w, r, reply{}, err)
	x.err = cause // what is counted is what was wrong, not how it was told
}

// refuseElsewhere refuses what comes from an address that the directory does not allow, whatever the credential. It does so
// after authentication: strangers learn nothing of the networks. The log names the address, once in a while: it is what an
// administrator has to allow, or where a stolen credential is used.
func (s *server) refuseElsewhere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r)
		dir := x.identity.Directory
		if dir.Settings().Allows(x.source) {
			next.ServeHTTP(w, r)
			return
		}
		if s.quiet.say("elsewhere "+dir.UID, s.elapsed(), elsewhereEvery) {
			x.more = append(x.more, slog.String("reason", "address not in allowedCIDRs"), slog.String("source", x.source.String()))
		} else {
			x.hushed = hushedElsewhere
		}
		respond(w, r, reply{}, errElsewhere())
	})
}

// limitRate refuses what comes faster than the directory lets one credential ask. A bulk request is one read; its operations
// count too, once they are known.
func (s *server) limitRate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var counts [works]int
		counts[workOf(r.Method, r.URL.Path)] = 1
		if err := s.charge(exchangeOf(r), counts); err != nil {
			respond(w, r, reply{}, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// charge counts requests for the credential of x, all or none of them.
func (s *server) charge(x *exchange, counts [works]int) error {
	key := keyOf(x.identity)
	wait := s.credentials.take(key, x.identity.Directory.Settings().Rate, s.elapsed(), counts)
	if wait == 0 {
		return nil
	}
	if !s.quiet.say("too fast "+key.directory+" "+key.keyID, s.elapsed(), tooFastEvery) {
		x.hushed = hushedTooFast
	}
	return errTooFast(wait)
}

// workOf is what a request at a cleaned path is. Whatever is no change, such as asking for what a path takes, reads.
func workOf(method, path string) work {
	switch {
	case method == http.MethodPost && !strings.HasSuffix(path, searchPath) && !strings.HasSuffix(path, bulkPath):
		return creating
	case method == http.MethodPut, method == http.MethodPatch, method == http.MethodDelete:
		return changing
	}
	return reading
}

// capCredential keeps one credential from taking the places of all others.
func (s *server) capCredential(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := keyOf(exchangeOf(r).identity)
		if !s.credentials.enter(key, s.elapsed(), share(s.Limits.InFlight)) {
			respond(w, r, reply{}, errManyAtOnce())
			return
		}
		defer s.credentials.leave(key)
		next.ServeHTTP(w, r)
	})
}

// capInFlight refuses at once what would only wait.
func (s *server) capInFlight(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
			next.ServeHTTP(w, r)
		default:
			respond(w, r, reply{}, errUnavailable("too many requests are under way"))
		}
	})
}
