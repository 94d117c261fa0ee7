// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

const owner = "team/crm-1"

func testConnector() *Connector { return &Connector{roles: testRoles(), prefix: prefix} }

// bound returns the bindings of alice for those of the test roles.
func bound(roles ...string) []binding {
	bindings, err := testConnector().desired(active(owner, "alice", append([]string{}, roles...)...), nil)
	if err != nil {
		panic(err)
	}
	sortByPlace(bindings)
	return bindings
}

// changed returns the bindings with one of them changed.
func changed(bindings []binding, i int, change func(*binding)) []binding {
	change(&bindings[i])
	sortByPlace(bindings)
	return bindings
}

func suspendedAlice() connector.Account {
	a := active(owner, "alice", "reader")
	a.State = connector.Suspended
	return a
}

func TestObserved(t *testing.T) {
	now := metav1.NewTime(time.Unix(0, 0))
	alice := func(userName string, roles ...string) *connector.Account {
		return &connector.Account{
			Owner: owner, ExternalID: accountLabel(owner), UserName: userName, State: connector.Active, Roles: append([]string{}, roles...),
		}
	}
	mallory := func(b *binding) { b.subjects = []rbacv1.Subject{user(prefix + "mallory")} }
	for name, tc := range map[string]struct {
		reason string
		live   []binding
		want   connector.Account
		seen   *connector.Account
	}{
		"Nothing":            {"", nil, active(owner, "alice", "reader"), nil},
		"NothingSuspended":   {"a suspended account leaves nothing", nil, suspendedAlice(), nil},
		"NothingWithoutRole": {"an account is nothing but its roles", nil, active(owner, "alice"), alice("alice")},
		"Whole":              {"", bound("reader", "writer"), active(owner, "alice", "reader"), alice("alice", "reader", "writer")},
		"StillThere":         {"what is wanted makes it no less active", bound("reader"), suspendedAlice(), alice("alice", "reader")},
		"Partial":            {"", bound("reader")[:1], active(owner, "alice", "reader"), alice("alice", "!reader")},
		"Renamed":            {"the role is whole, for another name", bound("reader"), active(owner, "bob", "reader"), alice("alice", "reader")},
		"OneForAnother":      {"one binding for somebody else is enough", changed(bound("reader"), 1, mallory), active(owner, "alice", "reader"), alice("mallory", "reader")},
		"Group": {"not a user", changed(bound("auditor"), 0, func(b *binding) { b.subjects[0].Kind = rbacv1.GroupKind }),
			active(owner, "alice", "auditor"), alice("", "!auditor")},
		"NoPrefix": {"not a user of this identity provider", changed(bound("auditor"), 0, func(b *binding) { b.subjects[0].Name = "alice" }),
			active(owner, "alice", "auditor"), alice("alice", "!auditor")},
		"OtherRef":     {"", changed(bound("auditor"), 0, func(b *binding) { b.ref.Name = "cluster-admin" }), active(owner, "alice", "auditor"), alice("alice", "!auditor")},
		"Going":        {"it still gives access but will not for long", changed(bound("auditor"), 0, func(b *binding) { b.DeletionTimestamp = &now }), active(owner, "alice"), alice("alice", "!auditor")},
		"Stale":        {"the annotation names a role that is configured", changed(bound("auditor"), 0, func(b *binding) { b.Name = "x" }), active(owner, "alice"), alice("alice", "!auditor")},
		"Unknown":      {"what the annotation says is not repeated", changed(bound("auditor"), 0, func(b *binding) { b.Name = "x"; b.Annotations[RoleAnnotation] = "alice@example.com" }), active(owner, "alice"), alice("alice", "!unknown")},
		"WholeAndMore": {"", append(bound("auditor"), changed(bound("auditor"), 0, func(b *binding) { b.Name = "x" })...), active(owner, "alice", "auditor"), alice("alice", "!auditor", "auditor")},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.seen, testConnector().observed(tc.want, tc.live)); diff != "" {
				t.Errorf("%s: %s", tc.reason, diff)
			}
		})
	}
}

func TestDesired(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		want   connector.Account
		places []place
		kind   connector.Kind
	}{
		"None":                        {"", active(owner, "alice", []string{}...), nil, ""},
		"Suspended":                   {"whatever it wants", suspendedAlice(), nil, ""},
		"Suspended, bad in every way": {"suspending is never refused", connector.Account{Owner: owner, UserName: "system:masters", State: connector.Suspended, Roles: []string{"x"}}, nil, ""},
		"Two": {"each once", active(owner, "alice", "reader", "auditor", "reader"),
			[]place{slotOf(owner, "auditor", ""), slotOf(owner, "reader", "team-a"), slotOf(owner, "reader", "team-b")}, ""},
		"UnknownRole": {"", active(owner, "alice", "boss"), nil, connector.KindInvalid},
		"DamagedRole": {"", active(owner, "alice", "!reader"), nil, connector.KindInvalid},
		"NoName":      {"", active(owner, "", "reader"), nil, connector.KindInvalid},
		"NoState":     {"a state that nobody thought of is not Active", connector.Account{Owner: owner, UserName: "alice"}, nil, connector.KindInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := testConnector().desired(tc.want, nil)
			if connector.KindOf(err) != tc.kind {
				t.Errorf("err = %v, want %q: %s", err, tc.kind, tc.reason)
			}
			var places []place
			for _, b := range got {
				places = append(places, b.place())
			}
			if diff := cmp.Diff(tc.places, places, cmp.AllowUnexported(place{})); diff != "" {
				t.Errorf("%s: %s", tc.reason, diff)
			}
		})
	}
}

// TestPlanConverges damages bindings at random: after one plan the account is in sync, and a second plan has nothing to do.
func TestPlanConverges(t *testing.T) {
	conn := testConnector()
	random := rand.New(rand.NewPCG(1, 2))
	names := []string{"auditor", "reader", "writer"}
	for range 3000 {
		var live []binding
		for _, b := range bound(names[:random.IntN(4)]...) {
			if live = append(live, b); random.IntN(3) == 0 {
				damageAtRandom(random, &live)
			}
		}
		want := active(owner, "alice", append([]string{}, names[random.IntN(4):]...)...)
		if random.IntN(4) == 0 {
			want.Roles = nil
		}
		sortByPlace(live)
		desired, err := conn.desired(want, live)
		if err != nil {
			t.Fatal(err)
		}
		after := plan(live, desired).after(live)
		sortByPlace(after)
		if !connector.InSync(conn.observed(want, after), want) {
			t.Fatalf("from %+v to %+v is not in sync with %+v", live, after, want)
		}
		if desired, err = conn.desired(want, after); err != nil {
			t.Fatal(err)
		}
		if again := plan(after, desired); len(again.create)+len(again.remove) > 0 {
			t.Fatalf("a second plan for %+v has %+v to do", want, again)
		}
		if connector.InSync(conn.observed(want, live), want) && len(plan(live, desired).remove)+len(plan(live, desired).create) > 0 {
			t.Fatalf("in sync, and yet there is something to do: %+v for %+v", live, want)
		}
	}
}

func damageAtRandom(random *rand.Rand, live *[]binding) {
	last := &(*live)[len(*live)-1]
	switch random.IntN(6) {
	case 0:
		*live = (*live)[:len(*live)-1]
	case 1:
		last.subjects = []rbacv1.Subject{user(prefix + "mallory")}
	case 2:
		last.ref.Name = "cluster-admin"
	case 3:
		last.Name = "other"
	case 4:
		last.Annotations[RoleAnnotation] = "other"
	case 5:
		last.subjects = nil
	}
}

func TestHashes(t *testing.T) {
	seen := map[string][]string{}
	for _, parts := range [][]string{{"a", "b"}, {"ab", ""}, {"", "ab"}, {"a"}, {"a", ""}, {"a b"}, {`a" "b`}, {strings.Repeat("x", 10000)}} {
		h := hash(parts...)
		if other, taken := seen[h]; taken {
			t.Errorf("%q and %q are the same", parts, other)
		}
		seen[h] = parts
		if problems := append(validation.IsValidLabelValue(h), validation.IsDNS1123Label("scim-"+h)...); len(problems) > 0 {
			t.Errorf("%q: %v", h, problems)
		}
	}
	if got, want := accountLabel(owner), accountLabel(strings.Clone(owner)); got != want {
		t.Error("the hash is not stable")
	}
}

// TestNamesStayTheSame holds bindings of earlier releases to their names: a change here orphans every one of them.
func TestNamesStayTheSame(t *testing.T) {
	if got, want := slotOf("team/crm-1", "reader", "team-a").name, "scim-vvdvmzsv2jjjm4ojqk5djagtgmvyey3ap3yvn23wceln2b7mu74q"; got != want {
		t.Errorf("name = %s", got)
	}
	if got, want := accountLabel("team/crm-1"), "6fv5nthwluab7yttmb6k6ca2a6bo4sttmsxrjeoth3kwtsxt75na"; got != want {
		t.Errorf("label = %s", got)
	}
}
