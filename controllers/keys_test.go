// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

// keyServer publishes one key. It counts how often it is asked.
type keyServer struct {
	url   string
	kid   atomic.Value
	asked atomic.Int32
}

func newKeyServer(t *testing.T) *keyServer {
	t.Helper()
	k := &keyServer{}
	k.kid.Store("0")
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		public := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public()
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: public, KeyID: k.kid.Load().(string)}}})
		k.asked.Add(1)
	}))
	_ = server.Listener.Close()
	server.Listener = cluster.Listen(t)
	server.Start()
	t.Cleanup(server.Close)
	k.url = server.URL
	return k
}

// published reports whether acme has that key and that number of users, and is ready, all in one status.
func (w *world) published(kid string, users int64) bool {
	dir := w.directory()
	keys, conditions := dir.Status.Authentication.Keys, dir.Status.Conditions
	return len(keys) == 1 && keys[0].KeyID == kid && dir.Status.Users == users &&
		meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionKeysFetched) && meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReady)
}

func (w *world) directory() *v1alpha1.ScimDirectory {
	w.Helper()
	dir := &v1alpha1.ScimDirectory{}
	w.must(w.Get(w.Context(), w.key("acme"), dir))
	return dir
}

// TestKeysOfAnIssuer: keys are published while others write to the same status, silently as long as nothing changes, and go with the spec.
func TestKeysOfAnIssuer(t *testing.T) {
	w, from := begin(t), newKeyServer(t)
	dir := &v1alpha1.ScimDirectory{ObjectMeta: w.meta("acme")}
	change(w, dir, func(d *v1alpha1.ScimDirectory) {
		d.Spec.Authentication.JWT = &v1alpha1.JWTAuthentication{
			Issuer: from.url, JWKSURL: from.url + "/keys", AllowPlaintext: true, Audiences: []string{"api://scim"},
			RequiredClaims: []v1alpha1.RequiredClaim{{Name: "azp", Values: []string{"idp"}}},
		}
	})
	w.eventually("the key is there", func() bool { return w.published("0", 0) })

	ask := func(value string) {
		was := from.asked.Load()
		change(w, dir, func(d *v1alpha1.ScimDirectory) { d.Annotations = map[string]string{"test/ask": value} })
		w.eventually("the issuer is asked", func() bool { return from.asked.Load() > was })
	}
	const rotations = 20
	for i := 1; i <= rotations; i++ {
		from.kid.Store(fmt.Sprint(i))
		w.make(w.user(fmt.Sprint("user-", i)))
		ask(fmt.Sprint(i))
	}
	w.eventually("everything of the status arrived", func() bool { return w.published(fmt.Sprint(rotations), rotations) })

	var list v1alpha1.ScimDirectoryList
	w.must(w.List(t.Context(), &list, client.InNamespace(w.namespace)))
	events, err := w.Watch(t.Context(), &v1alpha1.ScimDirectoryList{}, client.InNamespace(w.namespace), &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.ResourceVersion}})
	w.must(err)
	defer events.Stop()
	ask("again")
	ask("once more")
	change(w, dir, func(d *v1alpha1.ScimDirectory) { d.Spec.Authentication.JWT = nil })
	w.eventually("the key is gone", func() bool { return len(w.directory().Status.Authentication.Keys) == 0 })
	writes := 0
	for event := range events.ResultChan() {
		if writes++; event.Type != watch.Modified {
			t.Fatalf("event %s", event.Type)
		}
		if len(event.Object.(*v1alpha1.ScimDirectory).Status.Authentication.Keys) == 0 {
			break
		}
	}
	// Two annotations, the spec, the generation that the status speaks of, the keys: one each at most.
	if writes > 5 {
		t.Errorf("%d writes, although the key was the same", writes)
	}
	if c := meta.FindStatusCondition(w.directory().Status.Conditions, v1alpha1.ConditionKeysFetched); c != nil {
		t.Errorf("without JWT there is %+v", c)
	}
}
