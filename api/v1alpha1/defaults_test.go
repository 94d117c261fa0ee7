// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// guardDefaults are those of a removal guard of which nothing is said.
func guardDefaults() map[string]any {
	return map[string]any{
		"policy": "Enabled", "windowMinutes": int64(60),
		"reversible": map[string]any{"count": int64(100)}, "irreversible": map[string]any{"count": int64(25)},
	}
}

// limitDefaults are how fast a credential may ask of a directory that says nothing.
func limitDefaults() map[string]any {
	return map[string]any{"requestsPerSecond": int64(200), "burst": int64(1000)}
}

// policyDefault is what becomes of a member of spec that is said only in part, or not at all.
type policyDefault struct {
	reason string
	kind   string
	member string
	given  any // nil leaves the member out
	want   any
}

func policyDefaults() map[string]policyDefault {
	lifecycle := func(deactivation, lostAccess string, hours int64) any {
		return map[string]any{"onDeactivation": deactivation, "onLostAccess": lostAccess, "graceHours": hours}
	}
	cases := map[string]policyDefault{
		"Mode":               {"keeps accounts", "ScimApplication", "mode", nil, "Active"},
		"Account":            {"the mapping has its defaults in the code", "ScimApplication", "account", nil, nil},
		"Lifecycle":          {"nothing is deleted unless it is asked for", "ScimApplication", "lifecycle", nil, lifecycle("Suspend", "Suspend", 168)},
		"LifecycleLostOnly":  {"each member has its own default", "ScimApplication", "lifecycle", map[string]any{"onLostAccess": "Delete"}, lifecycle("Suspend", "Delete", 168)},
		"LifecycleGraceOnly": {"each member has its own default", "ScimApplication", "lifecycle", map[string]any{"graceHours": int64(0)}, lifecycle("Suspend", "Suspend", 0)},
		"Adoption":           {"nothing is taken over unless it is asked for", "ScimApplication", "adoption", nil, map[string]any{"policy": "Never", "access": "OnNextChange"}},
		"AdoptionByKey": {
			"access stays unless it is asked for", "ScimApplication", "adoption", map[string]any{"policy": "ByKey", "key": "UserName"},
			map[string]any{"policy": "ByKey", "key": "UserName", "access": "OnNextChange"},
		},
		"Drift":             {"put back", "ScimApplication", "drift", nil, map[string]any{"policy": "Enforce"}},
		"DriftIntervalOnly": {"put back", "ScimApplication", "drift", map[string]any{"intervalMinutes": int64(5)}, map[string]any{"policy": "Enforce", "intervalMinutes": int64(5)}},
		"Limits":            {"eight at a time", "ScimApplication", "limits", nil, map[string]any{"concurrency": int64(8)}},
		"LimitsRateOnly":    {"eight at a time", "ScimApplication", "limits", map[string]any{"accountsPerSecond": int64(5)}, map[string]any{"concurrency": int64(8), "accountsPerSecond": int64(5)}},
		"DirectoryLimits":   {"eight times what Entra ID wants", "ScimDirectory", "limits", nil, limitDefaults()},
		"DirectoryRateOnly": {"each member has its own default", "ScimDirectory", "limits", map[string]any{"requestsPerSecond": int64(25)}, map[string]any{"requestsPerSecond": int64(25), "burst": int64(1000)}},
		"Invariants":        {"none", "ScimApplication", "invariants", nil, nil},
	}
	for _, kind := range []string{"ScimApplication", "ScimDirectory"} {
		off, few := guardDefaults(), guardDefaults()
		off["policy"], few["reversible"] = "Disabled", map[string]any{"count": int64(5)}
		cases[kind+"Guard"] = policyDefault{"it guards unless it is told not to", kind, "removalGuard", nil, guardDefaults()}
		cases[kind+"GuardOff"] = policyDefault{"the limits are there when it is turned on", kind, "removalGuard", map[string]any{"policy": "Disabled"}, off}
		cases[kind+"GuardFew"] = policyDefault{"each limit has its own default", kind, "removalGuard", map[string]any{"reversible": few["reversible"]}, few}
	}
	maps.Copy(cases, authenticationDefaults())
	return cases
}

func testPolicyDefaults(t *testing.T, api *api) {
	for name, c := range policyDefaults() {
		t.Run(name, func(t *testing.T) {
			object := decode(t, samples()[c.kind])
			path := fieldPath{"spec", c.member}
			set(t, object.Object, path, c.given)
			stored := api.create(t, api.namespace(t), object)
			if diff := cmp.Diff(c.want, get(stored.Object, path)); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", c.reason, path, diff)
			}
		})
	}
}

// testDirectoryWithoutSpec: a guard that nobody asked for is there all the same.
func testDirectoryWithoutSpec(t *testing.T, api *api) {
	object := decode(t, samples()["ScimDirectory"])
	set(t, object.Object, fieldPath{"spec"}, nil)
	stored := api.create(t, api.namespace(t), object)
	if diff := cmp.Diff(map[string]any{"removalGuard": guardDefaults(), "limits": limitDefaults()}, get(stored.Object, fieldPath{"spec"})); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
}

// earlier are objects as the version before grants by condition, guards and lifecycles wrote them: with every field that it had.
func earlier() map[string]string {
	return map[string]string{
		"ScimDirectory": `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimDirectory
metadata: {name: earlier}
spec: {publicURL: https://scim.example.com}
status: {conditions: [` + condition + `], users: 3}
`,
		"ScimToken": `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimToken
metadata: {name: earlier}
spec: {directoryRef: {name: acme}, secretName: acme-token}
status: {conditions: [` + condition + `], secretName: acme-token, credentials: [{keyID: abcdefgh, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}]}
`,
		"ScimUser": `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimUser
metadata: {name: earlier}
spec: {directoryRef: {name: acme}, userName: jane@example.com, state: Active}
status: {conditions: [` + condition + `], accounts: {desired: 2, ready: 1}}
`,
		"ScimApplication": `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimApplication
metadata: {name: earlier}
spec:
  directoryRef: {name: acme}
  deletionPolicy: Delete
  connector:
    type: Kubernetes
    kubernetes: {roles: [{name: viewer, roleRef: {kind: ClusterRole, name: view}}]}
status: {conditions: [` + condition + `], accounts: {desired: 2, ready: 1}}
`,
		"ScimGrant": `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimGrant
metadata: {name: earlier}
spec:
  applicationRef: {name: demo-cluster}
  subjects: [{kind: Everyone}, {kind: User, userName: jane@example.com}]
  roles: [viewer]
status: {conditions: [` + condition + `], matchedUsers: 1}
`,
		"ScimAccount": `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimAccount
metadata: {name: earlier}
spec:
  applicationRef: {name: demo-cluster}
  userRef: {name: 5f0c0f0e-7a1e-4b53-9d53-0b6d1c7a2f11}
  userName: jane@example.com
  state: Suspended
  roles: [viewer]
status: {conditions: [` + condition + `], externalID: "7", state: Suspended, roles: [viewer]}
`,
	}
}

// testEarlierObjects: what is stored stays valid, can be written back as it is, and is read with the defaults of what it does not say.
func testEarlierObjects(t *testing.T, api *api) {
	for kind, document := range earlier() {
		t.Run(kind, func(t *testing.T) {
			stored := api.create(t, api.namespace(t), decode(t, document))
			stored.SetLabels(map[string]string{"touched": "true"})
			if err := api.Update(t.Context(), stored); err != nil {
				t.Fatal(err)
			}
			for _, part := range []string{"spec", "status"} {
				said, _ := get(decode(t, document).Object, fieldPath{part}).(map[string]any)
				for field, want := range said {
					if diff := cmp.Diff(want, get(stored.Object, fieldPath{part, field})); diff != "" {
						t.Errorf("%s.%s (-said +stored):\n%s", part, field, diff)
					}
				}
			}
		})
	}
}

// testTypedObjects: what Go writes is what it reads, to the microsecond where an order hangs on it.
func testTypedObjects(t *testing.T, api *api) {
	t.Run("Account", func(t *testing.T) {
		var account v1alpha1.ScimAccount
		instant := metav1.NewMicroTime(time.Date(2026, 1, 1, 0, 0, 0, 123456000, time.UTC))
		sample := decode(t, samples()["ScimAccount"])
		set(t, sample.Object, fieldPath{"spec", "held", "since"}, "2026-01-01T00:00:00.123456Z")
		roundTrip(t, api, sample, &account)
		if got := account.Spec.Held.Since; !got.Equal(&instant) {
			t.Errorf("got spec.held.since %v, want %v", got, instant)
		}
	})
	for kind, object := range map[string]client.Object{
		"ScimApplication": &v1alpha1.ScimApplication{}, "ScimDirectory": &v1alpha1.ScimDirectory{},
		"ScimGrant": &v1alpha1.ScimGrant{}, "ScimUser": &v1alpha1.ScimUser{},
	} {
		t.Run(kind, func(t *testing.T) { roundTrip(t, api, decode(t, samples()[kind]), object) })
	}
}

// roundTrip writes the sample as a typed object and reads it into another of that type.
func roundTrip(t *testing.T, api *api, sample *unstructured.Unstructured, typed client.Object) {
	t.Helper()
	content, err := sample.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(content, typed); err != nil {
		t.Fatal(err)
	}
	written := typed.DeepCopyObject().(client.Object)
	written.SetNamespace(api.namespace(t))
	stored := written.DeepCopyObject().(client.Object)
	if err := api.Create(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	written.SetResourceVersion(stored.GetResourceVersion())
	written.SetUID(stored.GetUID())
	if err := api.Status().Update(t.Context(), written); err != nil {
		t.Fatal(err)
	}
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(written), typed); err != nil {
		t.Fatal(err)
	}
	want, got := asMap(t, written), asMap(t, typed)
	for _, part := range []string{"spec", "status"} {
		if diff := cmp.Diff(want[part], got[part]); diff != "" {
			t.Errorf("%s (-written +read):\n%s", part, diff)
		}
	}
}

func asMap(t *testing.T, object client.Object) map[string]any {
	t.Helper()
	content, err := yaml.Marshal(object)
	fields := map[string]any{}
	if err == nil {
		err = yaml.Unmarshal(content, &fields)
	}
	if err != nil {
		t.Fatal(err)
	}
	return fields
}
