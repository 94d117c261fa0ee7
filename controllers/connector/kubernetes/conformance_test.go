// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest/faults"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

const canary = "canary-t0ken-do-not-tell"

// TestConformance runs the suite on a real API server, as a user with exactly the documented rights.
func TestConformance(t *testing.T) {
	w := inWorld(t)
	connectortest.Run(t, connectortest.Subject{
		SuspendedLeavesNothing: true,
		Secrets:                []string{canary},
		New: func(t testing.TB) connectortest.System {
			way := w.proxy(t)
			conn, count := w.openAt(t, "https://"+way.Address(), controllerUser, testRoles()...)
			return connectortest.System{
				Connector: conn,
				Faults:    way.Faults(),
				Roles:     []string{"auditor", "reader", "writer"},
				Writes:    count.Writes,
				HasAccess: w.hasAccess,
				Damage:    w.damages(),
				Foreign:   w.foreigners(),
				Unmarked:  w.byHand,
			}
		},
		Truncated: func(t testing.TB) connector.Connector {
			conn, _ := w.openPaged(t, 2, 1)
			return conn
		},
		Failing: map[connector.Kind]func(testing.TB) connector.Connector{
			connector.KindDenied: func(t testing.TB) connector.Connector {
				admin := w.AdminConfig(0)
				return openWith(t, Config{Roles: testRoles(), RESTConfig: &rest.Config{
					Host: admin.Host, BearerToken: canary, TLSClientConfig: rest.TLSClientConfig{CAData: admin.CAData},
				}})
			},
			connector.KindUnavailable: func(t testing.TB) connector.Connector {
				return openWith(t, Config{Roles: testRoles(), RESTConfig: &rest.Config{Host: "http://" + cluster.FreeAddress(t), BearerToken: canary}})
			},
		},
		Hanging: hanging,
	})
}

// proxy is a way to the API server on which things go wrong when they are told to.
func (w world) proxy(t testing.TB) *faults.Proxy {
	t.Helper()
	server, err := url.Parse(w.AdminConfig(0).Host)
	if err != nil {
		t.Fatal(err)
	}
	way, err := faults.Listen(cluster.FreeAddress(t), server.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = way.Close() })
	return way
}

// hanging is a connector to something that accepts connections and says nothing.
func hanging(t testing.TB) (connector.Connector, <-chan struct{}) {
	address := cluster.FreeAddress(t)
	return openWith(t, Config{Roles: testRoles(), RESTConfig: &rest.Config{Host: "http://" + address, BearerToken: canary}}), faults.Silence(t, address)
}

// hasAccess asks the API server what the user may do.
func (w world) hasAccess(t testing.TB, userName, role string) bool {
	t.Helper()
	probe := probes()[role]
	review, err := w.admin.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{User: prefix + userName, ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: probe.verb, Resource: probe.resource, Namespace: probe.namespace,
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return review.Status.Allowed
}

// slotOf returns the place of one of the test roles for an owner.
func slotOf(owner, role, namespace string) place {
	return slot{Role{Name: role}, namespace}.place(owner)
}

// damages break an account that has the roles auditor and reader.
func (w world) damages() map[string]func(testing.TB, connector.Account) {
	replace := func(role, namespace string, change func(*binding)) func(testing.TB, connector.Account) {
		return func(t testing.TB, acct connector.Account) {
			at := slotOf(acct.Owner, role, namespace)
			b := w.bindings(t, acct.Owner)[at]
			w.remove(t, at)
			change(&b)
			w.create(t, b)
		}
	}
	subjects := func(subjects ...rbacv1.Subject) func(*binding) {
		return func(b *binding) { b.subjects = subjects }
	}
	gone := func(role, namespace string) func(testing.TB, connector.Account) {
		return func(t testing.TB, acct connector.Account) { w.remove(t, slotOf(acct.Owner, role, namespace)) }
	}
	moved := func(b *binding) { b.Name = "renamed-" + b.Name }
	return map[string]func(testing.TB, connector.Account){
		"another user":          replace("reader", "team-b", subjects(user(prefix+"mallory"))),
		"another user, cluster": replace("auditor", "", subjects(user(prefix+"mallory"))),
		"user without prefix":   replace("reader", "team-a", func(b *binding) { b.subjects[0].Name = b.subjects[0].Name[len(prefix):] }),
		"a second subject":      replace("reader", "team-a", func(b *binding) { b.subjects = append(b.subjects, user(prefix+"mallory")) }),
		"a group": replace("auditor", "", subjects(rbacv1.Subject{
			APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "system:authenticated",
		})),
		"no subject":            replace("reader", "team-b", subjects()),
		"another role":          replace("reader", "team-a", func(b *binding) { b.ref.Name = "test-auditor" }),
		"another kind of role":  replace("reader", "team-a", func(b *binding) { b.ref.Kind = KindRole; b.ref.Name = "test-writer" }),
		"role annotation":       replace("reader", "team-a", func(b *binding) { b.Annotations[RoleAnnotation] = "writer" }),
		"binding gone":          gone("reader", "team-b"),
		"cluster binding gone":  gone("auditor", ""),
		"another name":          replace("reader", "team-b", moved),
		"another name, cluster": replace("auditor", "", moved),
		"one binding too many": func(t testing.TB, acct connector.Account) {
			b := slot{testRoles()[1], "team-a"}.binding(acct.Owner, user(prefix+acct.UserName))
			b.Name = "extra-" + accountLabel(acct.Owner)
			w.create(t, b)
		},
		"cluster-admin": func(t testing.TB, acct connector.Account) {
			b := slot{Role{Name: "boss", Kind: KindClusterRole, RoleName: "cluster-admin"}, ""}.binding(acct.Owner, user(prefix+acct.UserName))
			w.create(t, b)
		},
		"a role that was not wanted": func(t testing.TB, acct connector.Account) {
			w.create(t, slot{testRoles()[2], "team-a"}.binding(acct.Owner, user(prefix+acct.UserName)))
		},
	}
}

// foreigners are bindings of others. Each is created for a wish for the roles auditor and reader.
func (w world) foreigners() map[string]connectortest.Foreign {
	foreign := func(conflicts bool, slotIndex int, change func(*binding)) connectortest.Foreign {
		return connectortest.Foreign{Conflicts: conflicts, Create: func(t testing.TB, like connector.Account) func() string {
			role := testRoles()[slotIndex]
			b := role.slots()[0].binding(like.Owner, user(prefix+like.UserName))
			change(&b)
			at := w.create(t, b).place()
			return func() string { return w.read(t, at) }
		}}
	}
	unmarked := func(b *binding) { b.Labels, b.Annotations = nil, nil }
	otherOwner := func(b *binding) { b.Annotations[OwnerAnnotation] = "other/account" }
	elsewhere := func(change func(*binding)) func(*binding) {
		return func(b *binding) { change(b); b.Name = "by-admin-" + b.Name }
	}
	return map[string]connectortest.Foreign{
		"our name, no mark":                 foreign(true, 1, unmarked),
		"our name, no mark, cluster":        foreign(true, 0, unmarked),
		"our name and label, other owner":   foreign(true, 1, otherOwner),
		"our name, owner only annotated":    foreign(true, 1, func(b *binding) { b.Labels = nil }),
		"our name, all of another owner's":  foreign(true, 0, func(b *binding) { otherOwner(b); b.Labels[AccountLabel] = accountLabel("other/account") }),
		"other name, our label only":        foreign(false, 1, elsewhere(otherOwner)),
		"other name, same subject and role": foreign(false, 1, elsewhere(unmarked)),
		"same, cluster":                     foreign(false, 0, elsewhere(unmarked)),
		"other subject": foreign(false, 1, elsewhere(func(b *binding) {
			unmarked(b)
			b.subjects = []rbacv1.Subject{user("jane"), {Kind: rbacv1.ServiceAccountKind, Name: "default", Namespace: "team-a"}}
		})),
	}
}

// TestFrozenServer is an API server that stops in the middle of its life: the call ends with its context.
func TestFrozenServer(t *testing.T) {
	w := inWorld(t)
	conn, _ := w.open(t, controllerUser, testRoles()...)
	want := active(unique("suite/frozen"), "frank", "reader")
	if _, err := conn.Apply(t.Context(), nil, want); err != nil {
		t.Fatal(err)
	}
	if err := w.APIServer(0).Freeze(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := conn.Observe(ctx, want)
	if resumeErr := w.APIServer(0).Resume(); resumeErr != nil {
		t.Fatal(resumeErr)
	}
	if connector.KindOf(err) != connector.KindUnavailable || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err = %v, want Unavailable because of the deadline", err)
	}
	if _, err := conn.Observe(t.Context(), want); err != nil {
		t.Errorf("after it went on: %v", err)
	}
}
