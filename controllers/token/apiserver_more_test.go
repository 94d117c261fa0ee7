// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
)

func testProvided(s *served) {
	s.make("entra", func(spec *v1alpha1.ScimTokenSpec) { spec.Provided = &v1alpha1.ProvidedSecret{SecretName: "vault"} })
	s.stands("entra", "SecretNotFound")
	secret := &corev1.Secret{ObjectMeta: s.meta("vault"), Data: map[string][]byte{"sha256": []byte(sum(canary))}}
	s.must(s.Create(s.Context(), secret))
	s.stands("entra", "SecretNotFound")
	secret.Labels, secret.Annotations = map[string]string{v1alpha1.LabelCredential: "true"}, map[string]string{v1alpha1.AnnotationToken: "entra"}
	s.put(secret, "sha256", sum(canary))
	tok := s.stands("entra", "newest Issued")
	s.wrote(map[string]int{"patch status of ScimToken": 1})
	if _, again := s.round("entra"); len(tok.Finalizers) != 0 || tok.Status.SecretName != "vault" || again > 2*pollProvided {
		s.Errorf("finalizers %v, Secret %q, looks again in %s", tok.Finalizers, tok.Status.SecretName, again)
	}

	s.put(secret, "sha256", "oops")
	s.stands("entra", "newest InvalidSecret")
	s.put(secret, "sha256", sum("next"))
	s.stands("entra", "newest old… Issued Rotating=WaitingForUse")
	s.wrote(map[string]int{"patch status of ScimToken": 1})
	s.put(secret, "sha256", sum(canary))
	if tok = s.stands("entra", "newest old… Issued Rotating=WaitingForUse"); tok.Status.Credentials[0].SHA256 != sum(canary) {
		s.Error("the one that came back is not the newest")
	}

	s.annotate("entra", v1alpha1.AnnotationRevoke, strings.Join(keyIDs(tok), ","))
	s.stands("entra", "Revoked")
	s.put(secret, "sha256", sum("after the leak"))
	s.stands("entra", "newest Issued")
	s.must(s.Delete(s.Context(), s.get("entra")))
	if s.secret("vault") == nil {
		s.Error("the Secret of somebody else was deleted")
	}
}

func keyIDs(tok *v1alpha1.ScimToken) (ids []string) {
	for _, c := range tok.Status.Credentials {
		ids = append(ids, c.KeyID)
	}
	return ids
}

// put changes the Secret of somebody else.
func (s *served) put(secret *corev1.Secret, key, value string) {
	s.Helper()
	secret.Data = map[string][]byte{key: []byte(value)}
	s.must(s.Update(s.Context(), secret))
	clear(s.writes)
}

func (s *served) allow(policy v1alpha1.TokenPolicy) {
	s.Helper()
	dir := &v1alpha1.ScimDirectory{}
	s.must(s.Get(s.Context(), client.ObjectKey{Namespace: s.namespace, Name: "acme"}, dir))
	dir.Spec.Authentication.Tokens = policy
	s.must(s.Update(s.Context(), dir))
	clear(s.writes)
}

func testNewest(s *served) {
	s.make("a")
	s.stands("a", "newest Issued")
	s.allow(v1alpha1.TokensNewest)
	s.stands("a", "newest Issued")
	s.make("b") // in the same second, or later
	s.stands("a", "newest Issued")
	s.stands("b", "newest Issued")
	clear(s.writes)
	s.stands("a", "Superseded")
	s.wrote(map[string]int{"patch status of ScimToken": 1})
	s.annotate("b", v1alpha1.AnnotationRevoke, "*")
	s.stands("b", "Revoked")
	s.stands("a", "Superseded")
	s.must(s.Delete(s.Context(), s.get("b")))
	s.stands("a", "Superseded") // deleting one lets no other in
	s.annotate("a", v1alpha1.AnnotationRotate, "1")
	s.stands("a", "newest Issued")
	s.told("Superseded", "Revoked")
}

// testWatches runs the reconciler as the program does.
func testWatches(s *served, rc *rest.Config) {
	mgr, err := ctrl.NewManager(rc, ctrl.Options{
		Scheme:     s.Scheme(),
		Cache:      cache.Options{DefaultNamespaces: map[string]cache.Config{s.namespace: {}}},
		Client:     client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: ptr.To(true)}},
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: ptr.To(true)},
	})
	s.must(err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.Context()))
	s.must(index.Register(ctx, mgr.GetFieldIndexer()))
	r := s.reconciler()
	r.Client = mgr.GetClient()
	s.must(r.SetupWithManager(mgr))
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	s.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			s.Error(err)
		}
	})

	s.make("okta")
	s.becomes("okta", "newest Issued")
	first := s.get("okta").Status.Credentials[0]
	s.use("okta", first.KeyID)
	s.eventually("the use is copied", func() bool { return s.get("okta").Status.Credentials[0].LastUsedAt != nil })
	s.annotate("okta", v1alpha1.AnnotationRotate, "1")
	s.becomes("okta", "newest old… Issued Expiring=Within7Days Rotating=WaitingForUse")
	s.annotate("okta", v1alpha1.AnnotationRevoke, first.KeyID)
	s.becomes("okta", "newest Issued")
	s.eventually("the use of the old one is gone", func() bool { return len(s.uses()) == 0 })
	s.make("zz-newer")
	s.becomes("zz-newer", "newest Issued")
	s.allow(v1alpha1.TokensNewest)
	s.becomes("okta", "Superseded")
	s.make("zzz-newest")
	s.becomes("zz-newer", "Superseded")
	s.must(s.Delete(s.Context(), s.get("okta")))
	s.eventually("nothing is told of what is gone", func() bool {
		return !slices.Contains(s.measured(), "okta") && slices.Contains(s.measured(), "zz-newer")
	})
}

func (s *served) uses() []v1alpha1.ScimTokenUse {
	var list v1alpha1.ScimTokenUseList
	s.must(s.List(s.Context(), &list, client.InNamespace(s.namespace)))
	return list.Items
}

// measured are the ScimTokens that metrics tell of.
func (s *served) measured() (names []string) {
	families, err := s.metrics.Gather()
	s.must(err)
	for _, family := range families {
		for _, metric := range family.Metric {
			for _, label := range metric.Label {
				if label.GetName() == "token" {
					names = append(names, label.GetValue())
				}
			}
		}
	}
	return names
}

func (s *served) becomes(name, want string) {
	s.Helper()
	s.eventually(name+" is "+want, func() bool { return short(s.get(name)) == want })
}

func (s *served) eventually(what string, is func() bool) {
	s.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	for !is() {
		select {
		case <-deadline.C:
			s.Fatalf("not so: %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
