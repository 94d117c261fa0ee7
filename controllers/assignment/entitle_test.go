// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

type (
	user    = v1alpha1.ScimUser
	scimApp = v1alpha1.ScimApplication
	grant   = v1alpha1.ScimGrant
)

func ref(name string) v1alpha1.LocalReference { return v1alpha1.LocalReference{Name: name} }

func makeUser(userName string, state v1alpha1.State) *user {
	return &user{ObjectMeta: metav1.ObjectMeta{Name: "id"}, Spec: v1alpha1.ScimUserSpec{DirectoryRef: ref("dir"), UserName: userName, State: state}}
}

func makeApplication(name, directory string) scimApp {
	return scimApp{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.ScimApplicationSpec{
		DirectoryRef: ref(directory),
		Connector:    v1alpha1.Connector{Kubernetes: &v1alpha1.KubernetesConnector{Roles: []v1alpha1.KubernetesRole{{Name: "viewer"}, {Name: "a"}, {Name: "b"}, {Name: "c"}}}},
	}}
}

func makeGrant(app string, subject v1alpha1.Subject, roles ...v1alpha1.RoleName) grant {
	return grant{Spec: v1alpha1.ScimGrantSpec{ApplicationRef: ref(app), Subjects: []v1alpha1.Subject{subject}, Roles: roles}}
}

var everyone = v1alpha1.Subject{Kind: v1alpha1.SubjectEveryone}

func only(userName string) v1alpha1.Subject {
	return v1alpha1.Subject{Kind: v1alpha1.SubjectUser, UserName: userName}
}

func going[T any](o T, meta func(*T) *metav1.ObjectMeta) T {
	now := metav1.Now()
	meta(&o).DeletionTimestamp = &now
	return o
}

func TestEntitle(t *testing.T) {
	deletedUser := going(*makeUser("ann", v1alpha1.StateActive), func(u *user) *metav1.ObjectMeta { return &u.ObjectMeta })
	deletedApp := going(makeApplication("app", "dir"), func(a *scimApp) *metav1.ObjectMeta { return &a.ObjectMeta })
	deletedGrant := going(makeGrant("app", everyone, "viewer"), func(g *grant) *metav1.ObjectMeta { return &g.ObjectMeta })
	app := []scimApp{makeApplication("app", "dir")}
	for name, tc := range map[string]struct {
		reason string
		user   *user
		apps   []scimApp
		grants []grant
		want   []entitlement
	}{
		"no grant":           {"nothing is given by itself", makeUser("ann", v1alpha1.StateActive), app, nil, nil},
		"no user":            {"a user that is gone has nothing", nil, app, []grant{makeGrant("app", everyone)}, nil},
		"deleted user":       {"nor has one that is going", &deletedUser, app, []grant{makeGrant("app", everyone)}, nil},
		"deleted app":        {"an application that is going has no accounts", makeUser("ann", v1alpha1.StateActive), []scimApp{deletedApp}, []grant{makeGrant("app", everyone)}, nil},
		"deleted grant":      {"a grant that is going gives nothing", makeUser("ann", v1alpha1.StateActive), app, []grant{deletedGrant}, nil},
		"another directory":  {"an application has the users of its directory", makeUser("ann", v1alpha1.StateActive), []scimApp{makeApplication("app", "other")}, []grant{makeGrant("app", everyone)}, nil},
		"no app":             {"a grant without its application gives nothing", makeUser("ann", v1alpha1.StateActive), nil, []grant{makeGrant("app", everyone)}, nil},
		"somebody else":      {"a grant is for whom it names", makeUser("ann", v1alpha1.StateActive), app, []grant{makeGrant("app", only("bob"), "viewer")}, nil},
		"prefix":             {"and for nobody whose name only starts alike", makeUser("annette", v1alpha1.StateActive), app, []grant{makeGrant("app", only("ann"), "viewer")}, nil},
		"default role":       {"everyone has the default role", makeUser("ann", v1alpha1.StateActive), app, []grant{makeGrant("app", everyone, "viewer")}, []entitlement{{"app", "ann", v1alpha1.StateActive, []v1alpha1.RoleName{"viewer"}}}},
		"case":               {"userName has no case", makeUser("Ann", v1alpha1.StateActive), app, []grant{makeGrant("app", only("aNN"), "viewer")}, []entitlement{{"app", "Ann", v1alpha1.StateActive, []v1alpha1.RoleName{"viewer"}}}},
		"suspended":          {"a suspended user keeps a suspended account with its roles", makeUser("ann", v1alpha1.StateSuspended), app, []grant{makeGrant("app", everyone, "viewer")}, []entitlement{{"app", "ann", v1alpha1.StateSuspended, []v1alpha1.RoleName{"viewer"}}}},
		"union":              {"grants add up", makeUser("ann", v1alpha1.StateActive), app, []grant{makeGrant("app", only("ann"), "b", "a"), makeGrant("app", everyone, "b", "c")}, []entitlement{{"app", "ann", v1alpha1.StateActive, []v1alpha1.RoleName{"a", "b", "c"}}}},
		"role not offered":   {"a role that the application does not declare is not given", makeUser("ann", v1alpha1.StateActive), app, []grant{makeGrant("app", everyone, "root", "viewer")}, []entitlement{{"app", "ann", v1alpha1.StateActive, []v1alpha1.RoleName{"viewer"}}}},
		"account, no roles":  {"a grant without roles gives an account", makeUser("ann", v1alpha1.StateActive), app, []grant{makeGrant("app", everyone)}, []entitlement{{"app", "ann", v1alpha1.StateActive, nil}}},
		"unknown subject":    {"what we do not know matches nobody", makeUser("ann", v1alpha1.StateActive), app, []grant{makeGrant("app", v1alpha1.Subject{Kind: "Robot", UserName: "ann"})}, nil},
		"subject of no name": {"an empty name matches nobody", makeUser("", v1alpha1.StateActive), app, []grant{makeGrant("app", v1alpha1.Subject{Kind: v1alpha1.SubjectUser})}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := entitle(tc.user, tc.apps, tc.grants)
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(entitlement{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestDiffSettles checks, over random worlds, that carrying a plan out leaves nothing to do, that a suspended user is given
// nothing, and that nobody gets what no grant says.
func TestDiffSettles(t *testing.T) {
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 1))
		u, apps, grants, present := randomWorld(random)
		wanted := entitle(u, apps, grants)
		p := diff(wanted, present)
		after := carried(present, p)
		if again := diff(wanted, after); !again.empty() {
			t.Fatalf("seed %d: after carrying out %+v there is still %+v", seed, p, again)
		}
		if (u == nil || u.Spec.State == v1alpha1.StateSuspended) && gainsAccess(present, after) {
			t.Fatalf("seed %d: somebody who is out was given access: %+v", seed, p)
		}
		for _, a := range after {
			if len(grants) == 0 && a.DeletionTimestamp.IsZero() {
				t.Fatalf("seed %d: an account without any grant: %+v", seed, a)
			}
		}
	}
}

func randomWorld(random *rand.Rand) (*user, []scimApp, []grant, []v1alpha1.ScimAccount) {
	state := []v1alpha1.State{v1alpha1.StateActive, v1alpha1.StateSuspended}
	u := makeUser("ann", state[random.IntN(2)])
	if random.IntN(5) == 0 {
		u = nil
	}
	var apps []scimApp
	var grants []grant
	var present []v1alpha1.ScimAccount
	for i := range 3 {
		name := fmt.Sprint("app", i)
		if random.IntN(3) > 0 {
			apps = append(apps, makeApplication(name, "dir"))
		}
		for range random.IntN(3) {
			grants = append(grants, makeGrant(name, []v1alpha1.Subject{everyone, only("ANN"), only("bob")}[random.IntN(3)], randomRoles(random)...))
		}
		if random.IntN(2) == 0 {
			a := account(entitlement{name, []string{"ann", "old"}[random.IntN(2)], state[random.IntN(2)], randomRoles(random)})
			if random.IntN(5) == 0 {
				a = going(a, func(a *v1alpha1.ScimAccount) *metav1.ObjectMeta { return &a.ObjectMeta })
			}
			present = append(present, a)
		}
	}
	return u, apps, grants, present
}

func randomRoles(random *rand.Rand) (roles []v1alpha1.RoleName) {
	for _, r := range []v1alpha1.RoleName{"c", "a", "b"} {
		if random.IntN(2) == 0 {
			roles = append(roles, r)
		}
	}
	return roles
}

func account(e entitlement) v1alpha1.ScimAccount {
	return v1alpha1.ScimAccount{
		ObjectMeta: metav1.ObjectMeta{Name: AccountName(e.application, "id")},
		Spec:       v1alpha1.ScimAccountSpec{ApplicationRef: ref(e.application), UserRef: ref("id"), UserName: e.userName, State: e.state, Roles: e.roles},
	}
}

// carried is what is there after p.
func carried(present []v1alpha1.ScimAccount, p plan) []v1alpha1.ScimAccount {
	changed := map[string]bool{}
	for _, a := range p.remove {
		changed[a.Name] = true
	}
	var after []v1alpha1.ScimAccount
	for _, e := range slices.Concat(p.reduce, p.give) {
		a := account(e)
		changed[a.Name] = true
		after = append(after, a)
	}
	for _, a := range present {
		if !changed[a.Name] {
			after = append(after, a)
		}
	}
	return after
}

// gainsAccess reports whether somebody can do after what they could not do before.
func gainsAccess(before, after []v1alpha1.ScimAccount) bool {
	could := map[string]bool{}
	for _, a := range before {
		if a.Spec.State == v1alpha1.StateActive {
			for _, r := range a.Spec.Roles {
				could[a.Name+string(r)] = true
			}
		}
	}
	for _, a := range after {
		if a.Spec.State != v1alpha1.StateActive || !a.DeletionTimestamp.IsZero() {
			continue
		}
		for _, r := range a.Spec.Roles {
			if !could[a.Name+string(r)] {
				return true
			}
		}
	}
	return false
}

func TestGives(t *testing.T) {
	active, suspended := v1alpha1.StateActive, v1alpha1.StateSuspended
	has := account(entitlement{"app", "ann", active, []v1alpha1.RoleName{"a", "b"}})
	out := account(entitlement{"app", "ann", suspended, []v1alpha1.RoleName{"a"}})
	for reason, tc := range map[string]struct {
		account v1alpha1.ScimAccount
		want    entitlement
		gives   bool
	}{
		"fewer roles":       {has, entitlement{"app", "ann", active, []v1alpha1.RoleName{"a"}}, false},
		"suspending":        {has, entitlement{"app", "ann", suspended, []v1alpha1.RoleName{"a", "b", "c"}}, false},
		"another role":      {has, entitlement{"app", "ann", active, []v1alpha1.RoleName{"a", "c"}}, true},
		"another name":      {has, entitlement{"app", "eve", active, []v1alpha1.RoleName{"a"}}, true},
		"reactivating":      {out, entitlement{"app", "ann", active, nil}, true},
		"more while asleep": {out, entitlement{"app", "ann", suspended, []v1alpha1.RoleName{"a", "c"}}, false},
	} {
		if got := gives(&tc.account, tc.want); got != tc.gives {
			t.Errorf("%s: gives = %v, want %v", reason, got, tc.gives)
		}
	}
}
