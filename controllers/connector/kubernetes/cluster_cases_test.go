// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
)

func mustApply(t *testing.T, conn connector.Connector, want connector.Account) connector.Account {
	t.Helper()
	applied, err := conn.Apply(t.Context(), nil, want)
	if err != nil {
		t.Fatal(err)
	}
	return applied
}

func observedRoles(t *testing.T, conn connector.Connector, want connector.Account) []string {
	t.Helper()
	observed, err := conn.Observe(t.Context(), want)
	if errors.Is(err, connector.ErrNotFound) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return observed.Roles
}

func TestBindingsLookAsDocumented(t *testing.T) {
	w := inWorld(t)
	conn, _ := w.open(t, controllerUser, testRoles()...)
	want := active(unique("suite/looks"), "Laura", "auditor", "reader")
	applied := mustApply(t, conn, want)
	made := w.bindings(t, want.Owner)
	wantPlaces := []place{slotOf(want.Owner, "auditor", ""), slotOf(want.Owner, "reader", "team-a"), slotOf(want.Owner, "reader", "team-b")}
	if len(made) != len(wantPlaces) {
		t.Errorf("there are %d bindings", len(made))
	}
	for i, at := range wantPlaces {
		role := []string{"auditor", "reader", "reader"}[i]
		b := made[at]
		if len(at.name) > 63 || !strings.HasPrefix(at.name, "scim-") {
			t.Errorf("the name is %q", at.name)
		}
		if diff := cmp.Diff(map[string]string{ManagedByLabel: "scim-operator", AccountLabel: applied.ExternalID}, b.Labels); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]string{OwnerAnnotation: want.Owner, RoleAnnotation: role}, b.Annotations); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "oidc:Laura"}}, b.subjects); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "test-" + role}, b.ref); diff != "" {
			t.Error(diff)
		}
	}
}

// TestRequests holds the package's documentation to its numbers.
func TestRequests(t *testing.T) {
	w := inWorld(t)
	conn, count := w.open(t, controllerUser, testRoles()...)
	want := active(unique("suite/requests"), "rita", "auditor", "reader", "writer") // four bindings
	apply := func(want connector.Account) func() error {
		return func() error { _, err := conn.Apply(t.Context(), nil, want); return err }
	}
	suspended := want
	suspended.State = connector.Suspended
	changed := active(want.Owner, want.UserName, "auditor", "reader")
	observe := func() error { _, err := conn.Observe(t.Context(), want); return err }
	revoke := func() error { _, err := conn.Revoke(t.Context(), want); return err }
	for _, step := range []struct {
		name string
		call func() error
		want map[string]int
	}{
		{"create", apply(want), map[string]int{"GET": 2, "POST": 4}},
		{"observe", observe, map[string]int{"GET": 2}},
		{"apply again", apply(want), map[string]int{"GET": 2}},
		{"one role less", apply(changed), map[string]int{"GET": 2, "DELETE": 1}},
		{"revoke", revoke, map[string]int{}},
		{"suspend", apply(suspended), map[string]int{"GET": 4 + 2, "DELETE": 3}},
		{"delete nothing", func() error { return conn.Delete(t.Context(), want) }, map[string]int{"GET": 2}},
		{"probe", func() error { return conn.Probe(t.Context()) }, map[string]int{"POST": 2 + 2 + 2 + 3}},
	} {
		count.since()
		if err := step.call(); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		if diff := cmp.Diff(step.want, count.since()); diff != "" {
			t.Errorf("%s: %s", step.name, diff)
		}
	}
}

func TestRoleChangeTouchesOnlyTheDifference(t *testing.T) {
	w := inWorld(t)
	conn, _ := w.open(t, controllerUser, testRoles()...)
	want := active(unique("suite/difference"), "dora", "auditor", "reader")
	mustApply(t, conn, want)
	before := w.bindings(t, want.Owner)
	want.Roles = []string{"reader", "writer"}
	mustApply(t, conn, want)
	after := w.bindings(t, want.Owner)
	for _, namespace := range []string{"team-a", "team-b"} {
		at := slotOf(want.Owner, "reader", namespace)
		if before[at].ResourceVersion != after[at].ResourceVersion || before[at].UID != after[at].UID {
			t.Errorf("the binding in %s was written", namespace)
		}
	}
	if len(after) != 3 {
		t.Errorf("there are %d bindings", len(after))
	}
}

func TestReservedNames(t *testing.T) {
	w := inWorld(t)
	for name, tc := range map[string]struct{ prefix, userName string }{
		"Masters":         {"", "system:masters"},
		"ServiceAccount":  {"", "system:serviceaccount:kube-system:generic-garbage-collector"},
		"ByThePrefix":     {"sys", "tem:masters"},
		"AcrossThePrefix": {"system", ":masters"},
		"Empty":           {"", ""},
		"EmptyBehind":     {"oidc:", ""},
		"NotUTF8":         {"", "\xff"},
		"NewLine":         {"", "a\nb"},
		"TooLong":         {"", strings.Repeat("a", maxUserName+1)},
	} {
		t.Run(name, func(t *testing.T) {
			conn := openWith(t, Config{Roles: testRoles(), UserNamePrefix: tc.prefix, RESTConfig: w.as(t, controllerUser)})
			want := active(unique("suite/reserved-")+name, tc.userName, "auditor", "reader")
			_, err := conn.Apply(t.Context(), nil, want)
			if connector.KindOf(err) != connector.KindInvalid {
				t.Errorf("err = %v, want Invalid", err)
			}
			if made := w.bindings(t, want.Owner); len(made) > 0 {
				t.Errorf("bindings were made: %v", made)
			}
		})
	}
}

// TestLackingRights opens the connector as users who lack one right each.
func TestLackingRights(t *testing.T) {
	w := inWorld(t)
	all := documentedRights()
	for name, tc := range map[string]struct {
		reason   string
		rules    []rbacv1.PolicyRule
		lacks    []string
		observed []string
	}{
		"NoBindOnClusterRole": {
			"what can be given is given; the rest is told", append(slices.Clone(all[:2]), named(all[2], "test-auditor"), all[3]),
			[]string{`bind on clusterroles "test-reader" in namespace "team-a"`, `bind on clusterroles "test-reader" in namespace "team-b"`},
			[]string{"auditor", "writer"},
		},
		"NoBindOnRole": {
			"", all[:3], []string{`bind on roles "test-writer" in namespace "team-a"`}, []string{"auditor", "reader"},
		},
		"NoCreate": {
			"", append([]rbacv1.PolicyRule{rule(rbacv1.GroupName, "rolebindings", "list", "delete")}, all[1:]...),
			[]string{`create on rolebindings in namespace "team-a"`, `create on rolebindings in namespace "team-b"`}, []string{"auditor"},
		},
		"NoClusterWide": {
			"", append([]rbacv1.PolicyRule{all[0], rule(rbacv1.GroupName, "clusterrolebindings", "list")}, all[2:]...),
			[]string{"create on clusterrolebindings in the cluster"}, []string{"reader", "writer"},
		},
		"NoList": {
			"nothing is done blindly", all[1:], []string{"list on rolebindings in the cluster"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			who := unique("test-lacking-" + strings.ToLower(name))
			if err := errors.Join(w.createClusterRole(t.Context(), who, tc.rules), w.bindUser(t.Context(), who, who, "")); err != nil {
				t.Fatal(err)
			}
			conn, _ := w.open(t, who, testRoles()...)
			w.waitForRight(t, conn, "list", "clusterrolebindings")
			want := active(unique("suite/lacking-")+name, "Lucy", "auditor", "reader", "writer")
			_, err := conn.Apply(t.Context(), nil, want)
			for what, err := range map[string]error{"Apply": err, "Probe": conn.Probe(t.Context())} {
				if connector.KindOf(err) != connector.KindDenied {
					t.Errorf("%s returned %v, want Denied", what, err)
				}
				for _, lack := range tc.lacks {
					if !strings.Contains(connector.Message(err), lack) {
						t.Errorf("%s says %q, which lacks %s", what, connector.Message(err), lack)
					}
				}
			}
			sees, _ := w.open(t, controllerUser, testRoles()...)
			if diff := cmp.Diff(tc.observed, observedRoles(t, sees, want)); diff != "" {
				t.Errorf("%s: %s", tc.reason, diff)
			}
		})
	}
}

// waitForRight waits until the API server has noticed new rights.
func (w world) waitForRight(t *testing.T, conn *Connector, verb, resource string) {
	t.Helper()
	eventually(t, func() bool {
		allowed, err := conn.may(t.Context(), right{verb: verb, resource: resource}, "")
		return err == nil && allowed
	})
}

func eventually(t *testing.T, ask func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ask() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("waited in vain")
		}
	}
}

func TestProbeAcceptsTheDocumentedRights(t *testing.T) {
	conn, _ := inWorld(t).open(t, controllerUser, testRoles()...)
	if err := conn.Probe(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestRightsInOneNamespace gives create and delete only where they are needed.
func TestRightsInOneNamespace(t *testing.T) {
	w := inWorld(t)
	who := unique("test-one-namespace")
	local := []rbacv1.PolicyRule{rule(rbacv1.GroupName, "rolebindings", "create", "delete"), named(rule(rbacv1.GroupName, "roles", "bind"), "test-writer")}
	lists := []rbacv1.PolicyRule{rule(rbacv1.GroupName, "rolebindings", "list"), rule(rbacv1.GroupName, "clusterrolebindings", "list")}
	if err := errors.Join(
		w.createClusterRole(t.Context(), who, lists), w.bindUser(t.Context(), who, who, ""),
		w.createClusterRole(t.Context(), who+"-local", local), w.bindUser(t.Context(), who+"-local", who, "team-a"),
	); err != nil {
		t.Fatal(err)
	}
	conn, _ := w.open(t, who, testRoles()[2])
	eventually(t, func() bool { return conn.Probe(t.Context()) == nil })
	want := active(unique("suite/one-namespace"), "Nina", "writer")
	mustApply(t, conn, want)
	if err := conn.Delete(t.Context(), want); err != nil {
		t.Error(err)
	}
}

// TestOneRemovalFails removes what can be removed, and gives nothing before all is removed.
func TestOneRemovalFails(t *testing.T) {
	w := inWorld(t)
	who := unique("test-removes-in-team-b")
	can := []rbacv1.PolicyRule{
		rule(rbacv1.GroupName, "rolebindings", "list", "create"), rule(rbacv1.GroupName, "clusterrolebindings", "list", "create"), documentedRights()[2], documentedRights()[3],
	}
	if err := errors.Join(
		w.createClusterRole(t.Context(), who, can), w.bindUser(t.Context(), who, who, ""),
		w.createClusterRole(t.Context(), who+"-local", []rbacv1.PolicyRule{rule(rbacv1.GroupName, "rolebindings", "delete")}), w.bindUser(t.Context(), who+"-local", who, "team-b"),
	); err != nil {
		t.Fatal(err)
	}
	conn, _ := w.open(t, who, testRoles()...)
	w.waitForRight(t, conn, "create", "clusterrolebindings")
	want := active(unique("suite/removes"), "Rex", "reader")
	mustApply(t, conn, want)
	want.Roles = []string{"auditor"}
	_, err := conn.Apply(t.Context(), nil, want)
	if connector.KindOf(err) != connector.KindDenied || !strings.Contains(connector.Message(err), `delete on rolebindings in namespace "team-a"`) {
		t.Errorf("err = %v", err)
	}
	left := slices.Collect(maps.Keys(w.bindings(t, want.Owner)))
	if diff := cmp.Diff([]place{slotOf(want.Owner, "reader", "team-a")}, left, cmp.AllowUnexported(place{})); diff != "" {
		t.Error(diff)
	}
}

func TestMissingNamespaceAndRole(t *testing.T) {
	w := inWorld(t)
	elsewhere := Role{Name: "reader", Kind: KindClusterRole, RoleName: "test-reader", Namespaces: []string{"team-a", "no-such-namespace"}}
	conn, _ := w.open(t, controllerUser, elsewhere)
	want := active(unique("suite/nowhere"), "Nora", "reader")
	_, err := conn.Apply(t.Context(), nil, want)
	if connector.KindOf(err) != connector.KindInvalid || connector.Message(err) != `namespace "no-such-namespace" does not exist` {
		t.Errorf("err = %v", err)
	}
	if diff := cmp.Diff([]string{"!reader"}, observedRoles(t, conn, want)); diff != "" {
		t.Errorf("half a role is no role: %s", diff)
	}
	if err := conn.Delete(t.Context(), want); err != nil {
		t.Error(err)
	}
}

func TestTerminatingNamespace(t *testing.T) {
	w := inWorld(t)
	name := unique("team-leaving") // stays Terminating, as no controller manager runs here
	if _, err := w.admin.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := w.admin.CoreV1().Namespaces().Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	conn, _ := w.open(t, controllerUser, Role{Name: "reader", Kind: KindClusterRole, RoleName: "test-reader", Namespaces: []string{name}})
	_, err := conn.Apply(t.Context(), nil, active(unique("suite/leaving"), "Lea", "reader"))
	if connector.KindOf(err) != connector.KindUnavailable || connector.RetryAfter(err) != refusedWait {
		t.Errorf("err = %v, retry after %v", err, connector.RetryAfter(err))
	}
}

// TestFinalizerHoldsBinding does not call a user suspended whose access a finalizer keeps alive.
func TestFinalizerHoldsBinding(t *testing.T) {
	w := inWorld(t)
	conn, _ := w.open(t, controllerUser, testRoles()...)
	want := active(unique("suite/held"), "Hugo", "auditor")
	mustApply(t, conn, want)
	at := slotOf(want.Owner, "auditor", "")
	w.setFinalizers(t, at.name, `["example.com/hold"]`)
	want.State = connector.Suspended
	_, err := conn.Apply(t.Context(), nil, want)
	if connector.KindOf(err) != connector.KindUnavailable {
		t.Errorf("err = %v, want Unavailable", err)
	}
	if observed, err := conn.Observe(t.Context(), want); err != nil || connector.InSync(observed, want) || observed.Roles[0] != "!auditor" {
		t.Errorf("observed %+v, %v", observed, err)
	}
	w.setFinalizers(t, at.name, `null`)
	if _, err := conn.Observe(t.Context(), want); !errors.Is(err, connector.ErrNotFound) {
		t.Errorf("err = %v", err)
	}
}

func (w world) setFinalizers(t *testing.T, name, finalizers string) {
	t.Helper()
	patch := fmt.Appendf(nil, `{"metadata":{"finalizers":%s}}`, finalizers)
	if _, err := w.admin.RbacV1().ClusterRoleBindings().Patch(t.Context(), name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestRoleNoLongerConfigured sees and removes what an earlier configuration gave.
func TestRoleNoLongerConfigured(t *testing.T) {
	w := inWorld(t)
	before, _ := w.open(t, controllerUser, testRoles()...)
	want := active(unique("suite/reconfigured"), "Rosa", "auditor", "reader")
	mustApply(t, before, want)
	narrower := testRoles()[1]
	narrower.Namespaces = []string{"team-a"}
	conn, _ := w.open(t, controllerUser, narrower)
	want.Roles = []string{"reader"}
	if diff := cmp.Diff([]string{"!reader", "!unknown", "reader"}, observedRoles(t, conn, want)); diff != "" {
		t.Error(diff)
	}
	mustApply(t, conn, want)
	left := slices.Collect(maps.Keys(w.bindings(t, want.Owner)))
	if diff := cmp.Diff([]place{slotOf(want.Owner, "reader", "team-a")}, left, cmp.AllowUnexported(place{})); diff != "" {
		t.Error(diff)
	}
}

// TestNilRolesGiveNobodyElse keeps roles as they are, for the account's user only.
func TestNilRolesGiveNobodyElse(t *testing.T) {
	w := inWorld(t)
	conn, _ := w.open(t, controllerUser, testRoles()...)
	want := active(unique("suite/nil-roles"), "Nick", "auditor", "reader")
	mustApply(t, conn, want)
	w.damages()["another user"](t, want)
	w.damages()["binding gone"](t, want)
	w.damages()["another user, cluster"](t, want)
	want.Roles = nil
	observed, err := conn.Observe(t.Context(), want)
	if err != nil || connector.InSync(observed, want) {
		t.Fatalf("observed %+v, %v", observed, err)
	}
	applied := mustApply(t, conn, want)
	if !connector.InSync(&applied, want) {
		t.Errorf("applied %+v", applied)
	}
	if diff := cmp.Diff([]string{"!reader", "auditor"}, observedRoles(t, conn, want)); diff != "" {
		t.Errorf("a role was completed that is not managed: %s", diff)
	}
}

// TestManyBindings reads more than one page.
func TestManyBindings(t *testing.T) {
	w := inWorld(t)
	conn, count := w.open(t, controllerUser, testRoles()...)
	const extra = pageSize + 1
	owner := unique("suite/many")
	var all []binding
	for i := range extra {
		b := slot{testRoles()[1], "team-a"}.binding(owner, user(prefix+"Max"))
		b.Name = fmt.Sprintf("many-%03d", i)
		all = append(all, b)
	}
	if err := each(all, func(b binding) error { w.create(t, b); return nil }); err != nil {
		t.Fatal(err)
	}
	count.since()
	if err := conn.Delete(t.Context(), active(owner, "Max")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"GET": 3, "DELETE": extra}, count.since()); diff != "" {
		t.Error(diff)
	}
	if left := w.bindings(t, owner); len(left) > 0 {
		t.Errorf("%d bindings are left", len(left))
	}
}

// TestAnotherClusterByKubeconfig takes the whole way from a kubeconfig to a binding.
func TestAnotherClusterByKubeconfig(t *testing.T) {
	w := inWorld(t)
	config := w.as(t, controllerUser)
	content, err := clientcmd.Write(clientcmdapi.Config{
		Clusters:  map[string]*clientcmdapi.Cluster{"c": {Server: config.Host, CertificateAuthorityData: config.CAData}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{"u": {ClientCertificateData: config.CertData, ClientKeyData: config.KeyData}},
		Contexts:  map[string]*clientcmdapi.Context{"x": {Cluster: "c", AuthInfo: "u"}}, CurrentContext: "x",
	})
	if err != nil {
		t.Fatal(err)
	}
	loopback := egress.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
	allowed, err := RESTConfigFromKubeconfig(content, loopback.DialContext)
	if err != nil {
		t.Fatal(err)
	}
	conn := openWith(t, Config{Roles: testRoles(), RESTConfig: allowed})
	if err := conn.Probe(t.Context()); err != nil {
		t.Error(err)
	}
	want := active(unique("suite/remote"), "Remy", "writer")
	mustApply(t, conn, want)
	forbidden, err := RESTConfigFromKubeconfig(content, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = openWith(t, Config{Roles: testRoles(), RESTConfig: forbidden}).Observe(t.Context(), want)
	if connector.KindOf(err) != connector.KindUnavailable || !errors.Is(err, egress.ErrForbidden) {
		t.Errorf("err = %v, want Unavailable because the address is forbidden", err)
	}
}
