// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// TestUninstall removes the operator as Helm does, and then what it kept, by the commands of docs/operations.md. At every step accounts are left as
// they were, and at the end nothing is Terminating (OPS-11).
func TestUninstall(t *testing.T) {
	s := ownStack(t, stack.Options{ControllerManager: true, ControllerArgs: []string{"--leader-elect=false"}})
	early, late := newTenant(t, s), newTenant(t, s)
	populate(t, early)
	populate(t, late)

	documented(t, s, "letting go", early.namespace)
	early.waitEmpty(t, &v1alpha1.ScimAccountList{}, &v1alpha1.ScimApplicationList{}, &v1alpha1.ScimTokenList{})
	early.waitBound(t, leaver, stayer)
	before := late.everything(t)

	if err := s.Uninstall(t.Context()); err != nil {
		t.Fatal(err)
	}
	late.waitBound(t, leaver, stayer)
	after := late.everything(t)
	for name, object := range before {
		if left, found := after[name]; !found || !left.GetDeletionTimestamp().IsZero() || left.GetUID() != object.GetUID() {
			t.Errorf("the uninstall took %s", name)
		}
	}
	if len(before) < 10 {
		t.Errorf("there were %d objects only: nothing is proved", len(before))
	}
	early.mustDelete(t, namespaceOf(early))
	early.waitGone(t, namespaceOf(early))

	late.mustDelete(t, namespaceOf(late))
	documented(t, s, "operator gone", late.namespace)
	late.waitGone(t, namespaceOf(late))
	for _, tn := range []*tenant{early, late} {
		tn.waitBound(t, leaver, stayer)
	}
}

func namespaceOf(tn *tenant) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tn.namespace}}
}

// everything of ours in the namespace, by kind and name.
func (tn *tenant) everything(t *testing.T) map[string]client.Object {
	t.Helper()
	found := map[string]client.Object{}
	for _, kind := range []string{"ScimDirectory", "ScimToken", "ScimApplication", "ScimGrant", "ScimUser", "ScimName", "ScimAccount"} {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
		if err := tn.Client.List(t.Context(), list, client.InNamespace(tn.namespace)); err != nil {
			t.Fatal(err)
		}
		for i := range list.Items {
			found[kind+" "+list.Items[i].Name] = &list.Items[i]
		}
	}
	return found
}

// documented runs the commands of the block of docs/operations.md whose first line is "# <title>: …", with their namespace acme replaced.
func documented(t *testing.T, s *stack.Stack, title, namespace string) {
	t.Helper()
	_, block, found := strings.Cut(readPage(t, "docs/operations.md"), "```sh\n# "+title+": ")
	block, _, closed := strings.Cut(block, "```")
	_, commands, lines := strings.Cut(block, "\n")
	if !found || !closed || !lines || !strings.Contains(commands, "-n acme") {
		t.Fatalf("docs/operations.md has no commands %q in the namespace acme", title)
	}
	shell(t, s, s.Root(), strings.ReplaceAll(commands, "-n acme", "-n "+namespace))
}
