// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// concurrency is what the API defaults limits.concurrency to.
const concurrency = 8

// crowd makes that many users.
func (w *world) crowd(n int) {
	w.Helper()
	var makers sync.WaitGroup
	errs := make(chan error, n)
	for start := range 8 {
		makers.Go(func() {
			for i := start; i < n; i += 8 {
				errs <- w.Create(w.Context(), w.user(fmt.Sprint("user", i)))
			}
		})
	}
	makers.Wait()
	close(errs)
	for err := range errs {
		w.must(err)
	}
}

// ready waits until an application is known to work.
func (w *world) ready(name string) {
	w.Helper()
	w.eventually(name+" is ready", func() bool {
		app := w.app(name)
		w.must(w.Get(w.Context(), w.key(name), app))
		return status.IsReady(app.Status.Conditions, app.Generation)
	})
}

// waiting counts the accounts of an application that say that they are not as they shall be.
func (w *world) waiting(app string) (n int) {
	w.Helper()
	for _, a := range w.accounts() {
		if a.Spec.ApplicationRef.Name == app && len(a.Status.Conditions) > 0 && !status.IsReady(a.Status.Conditions, a.Generation) {
			n++
		}
	}
	return n
}

// ownerOf is what the application knows the account of a user by.
func (w *world) ownerOf(app, user string) string { return w.namespace + "/" + app + "-" + user }

// about counts the calls that are about accounts.
func about(m *connectortest.Memory) int {
	return m.Count(connectortest.VerbObserve, connectortest.VerbApply, connectortest.VerbFind, connectortest.VerbAdopt, connectortest.VerbRevoke)
}

func suspended(m *connectortest.Memory) (n int) {
	for _, a := range m.Accounts() {
		if a.State == connector.Suspended {
			n++
		}
	}
	return n
}

// TestOutage: an application that refuses the credential, or is down, is asked by as many accounts as have a place and hardly more,
// whatever is to be done; the application beside it does not notice; and when it works again everything is done that was to be.
func TestOutage(t *testing.T) {
	const users = 200
	for name, fault := range map[string]error{
		"denied":      connector.Deniedf("the credential is refused"),
		"unavailable": connector.Unavailablef(30*time.Minute, "maintenance"),
	} {
		t.Run(name, func(t *testing.T) {
			w := begin(t)
			w.make(w.app("crm"), w.app("erp"), w.grant("crm", "crm", "viewer"), w.grant("erp", "erp", "viewer"))
			w.ready("crm")
			crm, erp := w.memory("crm"), w.memory("erp")
			crm.ForgetCalls()
			crm.Fail(fault)
			w.crowd(users)
			w.eventually("the other application has all accounts", func() bool { return len(erp.Accounts()) == users })
			w.eventually("the accounts of the one that does not work wait", func() bool { return w.waiting("crm") == users })
			// A place each, and the probes of two lanes after half a minute and after a minute.
			if calls := about(crm); calls == 0 || calls > concurrency+4 {
				t.Errorf("%d accounts asked %d times", users, calls)
			}
			if probes := crm.Count(connectortest.VerbProbe); probes > 10 {
				t.Errorf("it was probed %d times", probes)
			}
			crm.Fail(nil)
			w.eventually("it works again and has all accounts", func() bool { return len(crm.Accounts()) == users })
		})
	}
}

// TestCredentialThatComesBack: the Secret loses its label, one account finds out, and the label is back before the application is looked at
// again. Nothing of the application changes, and the account is made all the same.
func TestCredentialThatComesBack(t *testing.T) {
	w := begin(t)
	secret := &corev1.Secret{ObjectMeta: w.meta("kubeconfig")}
	label := func(value string) {
		change(w, secret, func(s *corev1.Secret) { s.Labels = map[string]string{v1alpha1.LabelCredential: value} })
	}
	w.make(secret)
	label("true")
	w.make(w.app("crm", func(s *v1alpha1.ScimApplicationSpec) {
		s.Connector.Kubernetes.KubeconfigSecretRef = &v1alpha1.LocalReference{Name: secret.Name}
	}), w.grant("everyone", "crm", "viewer"))
	w.ready("crm")
	label("no")
	w.make(w.user("ada"), w.user("bob"))
	w.eventually("one account found out, and the other one waits", func() bool { return w.waiting("crm") == 2 })
	label("true")
	w.eventually("both are made", func() bool {
		return w.settled("crm", "ada", v1alpha1.AccountActive) && w.settled("crm", "bob", v1alpha1.AccountActive)
	})
}

// TestDeniedAdditionsKeepNobodyInside: the credential may not give access any more, says the application, and says for an hour; a leaver
// is out all the same.
func TestDeniedAdditionsKeepNobodyInside(t *testing.T) {
	const users = 20
	w := begin(t)
	crm := w.memory("crm")
	w.make(w.app("crm"), w.grant("everyone", "crm", "viewer"), w.user("ada"))
	w.eventually("ada has an account", func() bool { return w.settled("crm", "ada", v1alpha1.AccountActive) })
	denied := connector.Deniedf("may not bind that role")
	denied.RetryAfter = time.Hour
	crm.ForgetCalls()
	crm.Before(func(_ context.Context, call connectortest.Call) error {
		if call.Verb == connectortest.VerbProbe || call.Verb == connectortest.VerbApply && call.Owner != w.ownerOf("crm", "ada") {
			return denied
		}
		return nil
	})
	w.crowd(users)
	w.eventually("nobody is given an account", func() bool { return w.waiting("crm") == users })
	change(w, w.user("ada"), func(u *v1alpha1.ScimUser) { u.Spec.State = v1alpha1.StateSuspended })
	w.eventually("ada is out", func() bool { return w.settled("crm", "ada", v1alpha1.AccountSuspended) })
	if tried := crm.Count(connectortest.VerbApply); tried > concurrency+1 {
		t.Errorf("%d additions were tried", tried-1)
	}
	crm.Before(nil)
	w.eventually("all are in but ada", func() bool { return len(crm.Accounts()) == users+1 && w.waiting("crm") == 0 })
}

// TestALeaverOvertakes a hundred joiners, of whom two have the places of the application and do not come to an end.
func TestALeaverOvertakes(t *testing.T) {
	const users = 100
	w := begin(t)
	crm := w.memory("crm")
	w.make(w.app("crm", func(s *v1alpha1.ScimApplicationSpec) { s.Limits.Concurrency = 2 }), w.grant("everyone", "crm", "viewer"), w.user("ada"))
	w.eventually("ada has an account", func() bool { return w.settled("crm", "ada", v1alpha1.AccountActive) })
	goOn := make(chan struct{})
	crm.ForgetCalls()
	crm.Before(func(ctx context.Context, call connectortest.Call) error {
		if call.Verb != connectortest.VerbApply || call.Owner == w.ownerOf("crm", "ada") {
			return nil
		}
		select {
		case <-goOn:
			return nil
		case <-ctx.Done():
			return connector.Unavailablef(0, "too slow").Because(ctx.Err())
		}
	})
	w.crowd(users)
	w.eventually("the places are taken", func() bool { return crm.Count(connectortest.VerbApply) >= 2 })
	before := crm.Count(connectortest.VerbApply)
	change(w, w.user("ada"), func(u *v1alpha1.ScimUser) { u.Spec.State = v1alpha1.StateSuspended })
	w.eventually("ada is out", func() bool { return crm.Get("ada@acme.test").State == connector.Suspended })
	if further := crm.Count(connectortest.VerbApply) - before - 1; further > 4 {
		t.Errorf("%d joiners came before", further)
	}
	close(goOn)
	w.eventually("the joiners are in", func() bool { return len(crm.Accounts()) == users+1 })
	if most := crm.MostAtOnce(); most > 2+2+2 { // two lanes; the probe and the list of orphans
		t.Errorf("%d calls at once", most)
	}
}

// TestRate: additions keep to the rate, and removals do not wait for it.
func TestRate(t *testing.T) {
	const leavers, rate = 20, 2
	w := begin(t)
	crm := w.memory("crm")
	w.make(w.app("crm"), w.grant("everyone", "crm", "viewer"))
	w.crowd(leavers)
	w.eventually("all have accounts", func() bool { return len(crm.Accounts()) == leavers && w.waiting("crm") == 0 })
	change(w, w.app("crm"), func(a *v1alpha1.ScimApplication) { a.Spec.Limits.AccountsPerSecond = rate })
	w.ready("crm")
	crm.ForgetCalls()
	began := time.Now()
	for i := range 100 {
		w.make(w.user(fmt.Sprint("joiner", i)))
	}
	w.eventually("some have joined", func() bool { return len(crm.Accounts()) >= leavers+4 })
	for i := range leavers {
		change(w, w.user(fmt.Sprint("user", i)), func(u *v1alpha1.ScimUser) { u.Spec.State = v1alpha1.StateSuspended })
	}
	w.eventually("all leavers are out", func() bool { return suspended(crm) == leavers })
	joined := len(crm.Accounts()) - leavers
	if most := rate + rate*time.Since(began).Seconds(); float64(joined) > most {
		t.Errorf("%d joined in %s", joined, time.Since(began))
	}
	if joined == 100 {
		t.Error("the leavers waited for all who joined")
	}
}
