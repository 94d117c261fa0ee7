// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/scim-operator/scim-operator/controllers/connector"
	ldapapp "github.com/scim-operator/scim-operator/hack/apps/ldap"
)

// TestTransports opens the connector in every way, with and without trust.
func TestTransports(t *testing.T) {
	w := inWorld(t)
	credential, _ := w.Credential()
	without := func(keys ...string) map[string][]byte {
		left := map[string][]byte{}
		for key, value := range credential {
			if !slices.Contains(keys, key) {
				left[key] = value
			}
		}
		return left
	}
	certificate := without(keyUserName, keyPassword)
	certificate["tls.crt"], certificate["tls.key"] = w.Client.Certificate, w.Client.Key
	tests := map[string]struct {
		change  func(*Config)
		want    connector.Kind
		message string
	}{
		"LDAPS":                     {change: func(cfg *Config) {}},
		"StartTLS":                  {change: func(cfg *Config) { cfg.URL = "ldap://" + w.Plain }},
		"plaintext, as allowed":     {change: func(cfg *Config) { cfg.URL, cfg.AllowPlaintext = "ldap://"+w.Plain, true }},
		"client certificate":        {change: func(cfg *Config) { cfg.Credential = certificate }},
		"client certificate, later": {change: func(cfg *Config) { cfg.URL, cfg.Credential = "ldap://"+w.Plain, certificate }},
		"LDAPS, unknown authority": {
			change: func(cfg *Config) { cfg.Credential = without("ca.crt") }, want: connector.KindDenied, message: "certificate is not trusted",
		},
		"StartTLS, unknown authority": {
			change: func(cfg *Config) { cfg.URL, cfg.Credential = "ldap://"+w.Plain, without("ca.crt") },
			want:   connector.KindDenied, message: "certificate is not trusted",
		},
		"another host's certificate": {
			change: func(cfg *Config) {
				cfg.URL = strings.Replace(cfg.URL, "127.0.0.1", "127.0.0.2", 1)
				cfg.Dial = w.dialTLS
			},
			want: connector.KindDenied, message: "certificate is not trusted",
		},
		"no TLS where there should be": {change: func(cfg *Config) { cfg.URL = "ldaps://" + w.Plain }, want: connector.KindUnavailable},
		"forbidden address": {
			change: func(cfg *Config) { cfg.Dial = nil }, want: connector.KindDenied, message: "--allow-egress",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := openWith(t, w.config(test.change)).Probe(t.Context())
			if connector.KindOf(err) != test.want || !strings.Contains(connector.Message(err), test.message) {
				t.Errorf("Probe returned %v (%v), want %q", err, errors.Unwrap(err), test.want)
			}
		})
	}
}

// TestProbe says what is missing.
func TestProbe(t *testing.T) {
	w := inWorld(t)
	conn := openWith(t, w.config(nil))
	if _, err := conn.Apply(t.Context(), nil, person("probe", "reader")); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		change  func(*Config)
		message string
	}{
		"base": {func(cfg *Config) { cfg.BaseDN = "ou=nowhere," + ldapapp.Suffix }, "the baseDN is not there, or hidden from us"},
		"suspended": {func(cfg *Config) {
			cfg.Suspension = Suspension{Type: MoveToOU, SuspendedDN: "ou=nowhere," + ldapapp.Suffix}
		}, "the suspendedDN is not there, or hidden from us"},
		"group":  {func(cfg *Config) { cfg.Roles[1].GroupDN = "cn=ghost," + ldapapp.GroupsDN }, `the group of role "reader" is not there, or hidden from us`},
		"policy": {func(cfg *Config) { cfg.Suspension.PolicyDN = "cn=ghost," + ldapapp.GroupsDN }, "the password policy is not there, or hidden from us"},
		"no lockout": {func(cfg *Config) { cfg.Suspension.PolicyDN = ldapapp.PeopleDN },
			"the password policy does not say pwdLockout: TRUE, or hides it from us: a suspended account could still log in"},
		"attribute": {func(cfg *Config) { cfg.UserNameAttribute = "userPrincipalName" }, "the attribute userPrincipalName of accounts cannot be read"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := openWith(t, w.config(test.change)).Probe(t.Context())
			if connector.KindOf(err) != connector.KindDenied || connector.Message(err) != test.message {
				t.Errorf("Probe returned %v, want %q", err, test.message)
			}
		})
	}
	if err := conn.Probe(t.Context()); err != nil {
		t.Errorf("Probe: %v", err)
	}
}

// TestServerRestarts loses every connection, and nobody notices.
func TestServerRestarts(t *testing.T) {
	l := inWorld(t).life(t, nil)
	want := person("restart", "reader")
	l.apply(want)
	if err := l.Process().Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.apply(suspended(want))
	if err := l.Process().Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := l.observe(suspended(want)); !connector.InSync(got, suspended(want)) {
		t.Errorf("observed %+v", got)
	}
}

// TestFrozenServer stops answering in the middle of its life: calls end with their context or with the time that a request has, and the pool
// has room again.
func TestFrozenServer(t *testing.T) {
	w := inWorld(t)
	conn := openWith(t, w.config(func(cfg *Config) { cfg.MaxConnections = 2 }))
	impatient := openWith(t, w.config(func(cfg *Config) { cfg.Timeout = 2 * time.Second }))
	want := person("frozen", "reader")
	if _, err := conn.Apply(t.Context(), nil, want); err != nil {
		t.Fatal(err)
	}
	if _, err := impatient.Observe(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if err := w.Process().Freeze(); err != nil {
		t.Fatal(err)
	}
	for err := error(nil); err == nil; { // a moment may pass until all of its threads stand still
		_, err = impatient.Observe(t.Context(), want)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var errs [5]error
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() { _, errs[i] = conn.Observe(ctx, want) })
	}
	all.Go(func() { _, errs[4] = impatient.Observe(t.Context(), want) })
	all.Wait()
	if err := w.Process().Resume(); err != nil {
		t.Fatal(err)
	}
	for _, err := range errs {
		if connector.KindOf(err) != connector.KindUnavailable || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v, want Unavailable because of the deadline", err)
		}
	}
	for _, conn := range []*Connector{conn, impatient} {
		if _, err := conn.Observe(t.Context(), want); err != nil {
			t.Errorf("after it went on: %v", err)
		}
	}
}

// TestResetAfterCommit cuts the connection after the directory has made a change, once for every change: nothing may be there twice.
func TestResetAfterCommit(t *testing.T) {
	w := inWorld(t)
	for _, write := range []ber.Tag{ldapv3.ApplicationAddResponse, ldapv3.ApplicationModifyResponse, ldapv3.ApplicationModifyDNResponse, ldapv3.ApplicationDelResponse} {
		for _, after := range []int{0, 1, 2} {
			t.Run(fmt.Sprintf("%d after %d", write, after), func(t *testing.T) {
				r := newRelay(t, w)
				conn := openWith(t, w.config(func(cfg *Config) { cfg.URL = r.url() }))
				left := after
				r.intercept(func(tag ber.Tag, _ *ber.Packet) fate {
					if tag != write {
						return passOn
					}
					left--
					if left == -1 {
						return cutOff
					}
					return passOn
				})
				want := person("reset", "auditor", "reader")
				renamed := want
				renamed.UserName = "new-" + want.UserName
				for _, want := range []connector.Account{want, renamed, suspended(renamed), renamed} {
					insist(t, func() error { _, err := conn.Apply(t.Context(), nil, want); return err })
					got, err := conn.Observe(t.Context(), want)
					if err != nil || !connector.InSync(got, want) {
						t.Errorf("observed %+v, %v, want %+v", got, err, want)
					}
				}
				if got := w.state(t, conn.markFilter(want.Owner)); strings.Count(got, "\ncn=") != 2 {
					t.Errorf("there is %s", got)
				}
				insist(t, func() error { return conn.Delete(t.Context(), renamed) })
				if got := w.state(t, conn.markFilter(want.Owner)); got != "nothing" {
					t.Errorf("left: %s", got)
				}
			})
		}
	}
}

// insist tries again what is not available now, as the reconciler does.
func insist(t *testing.T, f func() error) {
	t.Helper()
	var err error
	for range 3 {
		if err = f(); connector.KindOf(err) != connector.KindUnavailable {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestLimitOfLists is a directory that cuts lists short: that is an error and never a short list.
func TestLimitOfLists(t *testing.T) {
	w := inWorld(t)
	r := newRelay(t, w)
	conn := openWith(t, w.config(func(cfg *Config) { cfg.URL = r.url() }))
	search := ldapv3.NewSearchRequest(ldapapp.Suffix, ldapv3.ScopeWholeSubtree, 0, 2, 0, false, "(objectClass=*)", nil, nil)
	if found, err := conn.search(t.Context(), "list", search); connector.KindOf(err) != connector.KindUnavailable || found != nil {
		t.Errorf("a search with a limit of 2 returned %d entries, %v", len(found), err)
	}
}

// TestTooLargeAnswer ends at the bound, and the connection with it.
func TestTooLargeAnswer(t *testing.T) {
	w := inWorld(t)
	conn := openWith(t, w.config(nil))
	search := ldapv3.NewSearchRequest(ldapapp.Suffix, ldapv3.ScopeWholeSubtree, 0, 0, 0, false, "(objectClass=*)", nil, nil)
	err := conn.request(t.Context(), "list", func(s *session) error {
		s.wire.mu.Lock()
		s.wire.left = 300
		s.wire.mu.Unlock()
		_, err := s.Search(search)
		if s.wire.isOver() {
			return errTooLarge
		}
		return err
	})
	if connector.KindOf(err) != connector.KindUnavailable || !strings.Contains(connector.Message(err), "too large") {
		t.Errorf("err = %v", err)
	}
	if _, err := conn.find(t.Context(), "list", conn.base, "(uid=nobody)", nil); err != nil {
		t.Errorf("after that: %v", err)
	}
}

// TestWithoutAssertions is a directory that cannot check and change in one, as Active Directory: every promise but the races of it holds.
func TestWithoutAssertions(t *testing.T) {
	l := inWorld(t).life(t, nil)
	learned, err := l.conn.facts(t.Context())
	if err != nil || !learned.asserts {
		t.Fatalf("slapd has no assertions: %v", err)
	}
	learned.asserts = false
	l.conn.server.known = &learned
	want := person("plain", "reader")
	l.apply(want)
	observed := l.observe(suspended(want))
	if _, err := l.conn.Apply(t.Context(), observed, suspended(want)); err != nil {
		t.Fatal(err)
	}
	l.apply(want)
	like := person("plain-found", "reader")
	l.unmarked(t, like)
	found, err := l.conn.Find(t.Context(), connector.KeyUserName, like.UserName)
	if err != nil || len(found) != 1 {
		t.Fatalf("Find returned %+v, %v", found, err)
	}
	if _, err := l.conn.Adopt(t.Context(), found[0], like.Owner); err != nil {
		t.Fatal(err)
	}
	if _, err := l.conn.Adopt(t.Context(), found[0], "test/another"); connector.KindOf(err) != connector.KindConflict {
		t.Errorf("a second adoption: %v, want a conflict", err)
	}
}

// TestLeastRights tries, as the connector, what it must not be able to do: the directory itself says no.
func TestLeastRights(t *testing.T) {
	l := inWorld(t).life(t, nil)
	like := person("stranger", "reader")
	l.unmarked(t, like)
	ours := person("ours", "reader")
	l.apply(ours)
	stranger, _ := parseDN(rdnOf("uid", like.UserName) + "," + ldapapp.PeopleDN)
	mine, _ := parseDN(rdnOf("uid", ours.UserName) + "," + ldapapp.PeopleDN)
	unmarkedEntry := personEntry(person("sneaky"))
	attempts := map[string]func(*session) error{
		"change an unmarked entry": func(s *session) error {
			return s.Modify(step{at: stranger, changes: damage(ldapv3.ReplaceAttribute, "mail", "a@example.com")}.modification(nil))
		},
		"delete an unmarked entry": func(s *session) error { return s.Del(ldapv3.NewDelRequest(stranger.text, nil)) },
		"rename an unmarked entry": func(s *session) error {
			return s.ModifyDN(ldapv3.NewModifyDNRequest(stranger.text, "uid=other", true, ""))
		},
		"lock an unmarked entry": func(s *session) error {
			return s.Modify(step{at: stranger, changes: damage(ldapv3.AddAttribute, attributeLocked, lockedForGood)}.modification(nil))
		},
		"add an unmarked entry": func(s *session) error { return s.Add(unmarkedEntry) },
		"set a password": func(s *session) error {
			return s.Modify(step{at: mine, changes: damage(ldapv3.ReplaceAttribute, "userPassword", "x")}.modification(nil))
		},
		"change what a group is called": func(s *session) error {
			group, _ := parseDN("cn=reader," + ldapapp.GroupsDN)
			return s.Modify(step{at: group, changes: damage(ldapv3.ReplaceAttribute, "description", "x")}.modification(nil))
		},
		"delete a group":     func(s *session) error { return s.Del(ldapv3.NewDelRequest("cn=reader,"+ldapapp.GroupsDN, nil)) },
		"make a group":       func(s *session) error { return s.Add(ldapv3.NewAddRequest("cn=new,"+ldapapp.GroupsDN, nil)) },
		"delete a service":   func(s *session) error { return s.Del(ldapv3.NewDelRequest(ldapapp.ReaderDN, nil)) },
		"change the policy":  func(s *session) error { return s.Del(ldapv3.NewDelRequest(ldapapp.PolicyDN, nil)) },
		"delete a whole one": func(s *session) error { return s.Del(ldapv3.NewDelRequest(ldapapp.PeopleDN, nil)) },
	}
	for name, attempt := range attempts {
		if _, err := l.conn.pool.with(t.Context(), attempt); err == nil {
			t.Errorf("%s: the directory lets us", name)
		}
	}
	read := l.raw(t, mine.text, "(objectClass=*)")
	err := l.Welcome(t.Context(), ours.UserName)
	got, readErr := l.conn.get(t.Context(), "read", mine, "userPassword", "uid")
	if err != nil || readErr != nil || read == nil || got.GetAttributeValue("uid") == "" || got.GetAttributeValue("userPassword") != "" {
		t.Errorf("read %+v, %v, %v: the connector reads passwords", got, err, readErr)
	}
}

// TestRequests counts what the page says that each operation costs, with one role.
func TestRequests(t *testing.T) {
	w := inWorld(t)
	r := newRelay(t, w)
	conn := openWith(t, w.config(func(cfg *Config) { cfg.URL = r.url() }))
	want := person("requests", "reader")
	renamed := want
	renamed.UserName = "new-" + want.UserName
	reconcile := func(want connector.Account) func() error {
		return func() error {
			observed, err := conn.Observe(t.Context(), want)
			if errors.Is(err, connector.ErrNotFound) {
				observed, err = nil, nil
			}
			if err == nil && !connector.InSync(observed, want) {
				_, err = conn.Apply(t.Context(), observed, want)
			}
			return err
		}
	}
	if _, err := conn.facts(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		what  string
		do    func() error
		calls int
	}{
		{"new", reconcile(want), 5},
		{"in sync", reconcile(want), 1},
		{"rename", reconcile(renamed), 9},
		{"suspend", reconcile(suspended(renamed)), 3},
		{"suspended", reconcile(suspended(renamed)), 1},
		{"restore", reconcile(renamed), 5},
		{"remove", func() error { return conn.Delete(t.Context(), renamed) }, 3},
		{"probe", func() error { return conn.Probe(t.Context()) }, 6},
	} {
		before := r.Calls()
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		if calls := r.Calls() - before; calls != step.calls {
			t.Errorf("%s took %d requests, want %d", step.what, calls, step.calls)
		}
	}
}
