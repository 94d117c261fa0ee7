// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// byHand binds a user as an administrator would: with names of their own and without our mark.
func (w world) byHand(t testing.TB, like connector.Account) (state func() string) {
	t.Helper()
	var made []place
	for _, role := range testRoles() {
		if !slices.Contains(like.Roles, role.Name) {
			continue
		}
		for _, s := range role.slots() {
			made = append(made, w.create(t, byHand(s, like.UserName)).place())
		}
	}
	return func() string {
		var all strings.Builder
		for _, at := range made {
			all.WriteString(w.read(t, at))
		}
		return all.String()
	}
}

func byHand(s slot, userNames ...string) binding {
	b := binding{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: unique("by-hand")}, ref: s.role.ref()}
	for _, name := range userNames {
		b.subjects = append(b.subjects, user(prefix+name))
	}
	return b
}

// paged asks for small pages whatever the connector asks for, and answers only so many of them; a negative number: all.
type paged struct {
	next    http.RoundTripper
	limit   int
	answers int64
	pages   atomic.Int64
}

func (p *paged) RoundTrip(req *http.Request) (*http.Response, error) {
	query := req.URL.Query()
	if req.Method != http.MethodGet || query.Get("limit") == "" {
		return p.next.RoundTrip(req)
	}
	if n := p.pages.Add(1); p.answers >= 0 && n > p.answers {
		return nil, errors.New("the line is dead")
	}
	query.Set("limit", strconv.Itoa(p.limit))
	req = req.Clone(req.Context())
	req.URL.RawQuery = query.Encode()
	return p.next.RoundTrip(req)
}

// openPaged returns a connector that gets pages of so many bindings, and after some of them no answer any more.
func (w world) openPaged(t testing.TB, limit int, answers int64) (*Connector, *paged) {
	t.Helper()
	config := w.as(t, controllerUser)
	p := &paged{limit: limit, answers: answers}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		p.next = next
		return p
	})
	return openWith(t, Config{Roles: testRoles(), UserNamePrefix: prefix, RESTConfig: config}), p
}

// listed returns what a list yields of those users, by ExternalID.
func listed(t *testing.T, conn *Connector, userNames ...string) map[string]connector.Account {
	t.Helper()
	found := map[string]connector.Account{}
	for a, err := range conn.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(userNames, a.UserName) {
			found[a.ExternalID] = a
		}
	}
	return found
}

func TestListInSmallPages(t *testing.T) {
	w := inWorld(t)
	conn, _ := w.open(t, controllerUser, testRoles()...)
	var names []string
	for range 5 {
		want := active(unique("suite/paged"), unique("paula"), "auditor", "reader")
		mustApply(t, conn, want)
		stranger := unique("stefan")
		w.byHand(t, active("", stranger, "auditor", "reader"))
		names = append(names, want.UserName, stranger)
	}
	want := listed(t, conn, names...)
	small, pages := w.openPaged(t, 2, -1)
	if diff := cmp.Diff(want, listed(t, small, names...)); diff != "" || len(want) != 5+5*3 {
		t.Errorf("%d listed; in small pages: %s", len(want), diff)
	}
	if pages.pages.Load() < 10 {
		t.Errorf("there were %d pages only", pages.pages.Load())
	}
}

// TestListStrangers binds in every way what is an account of nobody, and what is none.
func TestListStrangers(t *testing.T) {
	w := inWorld(t)
	conn, _ := w.open(t, controllerUser, testRoles()...)
	auditor, reader, writer := testRoles()[0].slots()[0], testRoles()[1].slots()[1], testRoles()[2].slots()[0]
	elsewhere := slot{testRoles()[2], "default"}
	for name, tc := range map[string]struct {
		slot   slot
		change func(*binding)
		want   []string
	}{
		"cluster-wide":             {auditor, nil, []string{"auditor"}},
		"one of two namespaces":    {reader, nil, []string{"!reader"}},
		"the one namespace":        {writer, nil, []string{"writer"}},
		"a namespace without role": {elsewhere, nil, nil},
		"another role":             {writer, func(b *binding) { b.ref.Name = "test-other" }, nil},
		"no prefix":                {writer, func(b *binding) { b.subjects[0].Name = b.subjects[0].Name[len(prefix):] }, nil},
		"a group":                  {writer, func(b *binding) { b.subjects[0].Kind = rbacv1.GroupKind }, nil},
		"half a mark, the label": {writer, func(b *binding) {
			b.Labels = map[string]string{AccountLabel: accountLabel("suite/somebody")}
		}, []string{"writer"}},
		"half a mark, the owner": {writer, func(b *binding) {
			b.Annotations = map[string]string{OwnerAnnotation: "suite/somebody"}
		}, []string{"writer"}},
	} {
		t.Run(name, func(t *testing.T) {
			userName := unique("sara")
			b := byHand(tc.slot, userName)
			if tc.change != nil {
				tc.change(&b)
			}
			at := w.create(t, b).place()
			want := map[string]connector.Account{}
			if id := at.namespace + "/" + at.name; tc.want != nil {
				want[id] = connector.Account{ExternalID: id, UserName: userName, State: connector.Active, Roles: tc.want}
			}
			if diff := cmp.Diff(want, listed(t, conn, userName)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestListSeveralSubjects wants every user of one binding once, each with an identifier of its own.
func TestListSeveralSubjects(t *testing.T) {
	w := inWorld(t)
	conn, _ := w.open(t, controllerUser, testRoles()...)
	first, second := unique("first"), unique("second")
	at := w.create(t, byHand(testRoles()[0].slots()[0], first, second)).place()
	got := slices.Sorted(maps.Keys(listed(t, conn, first, second)))
	if diff := cmp.Diff([]string{"/" + at.name + "#0", "/" + at.name + "#1"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestListNeverSystem: without a prefix the cluster's own identities look like users.
func TestListNeverSystem(t *testing.T) {
	w := inWorld(t)
	conn := openWith(t, Config{Roles: testRoles(), RESTConfig: w.as(t, controllerUser)})
	b := byHand(testRoles()[0].slots()[0])
	b.subjects = []rbacv1.Subject{user("system:kube-proxy")}
	w.create(t, b)
	for a, err := range conn.List(t.Context()) {
		if err != nil || strings.HasPrefix(a.UserName, "system:") {
			t.Errorf("listed %+v, %v", a, err)
		}
	}
}
