// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/apps"
	"github.com/scim-operator/scim-operator/hack/apps/issuer"
	"github.com/scim-operator/scim-operator/hack/cluster"
	"github.com/scim-operator/scim-operator/hack/stack"
)

const (
	jwtAudience    = "https://scim.example.com/acme"
	jwtClient      = "provisioning"
	jwtOtherClient = "payroll"
)

// TestJSONWebTokens: the tokens of a real issuer (oidc-provider) open a directory to the one client that it names, for the audience that it names,
// and as long as the issuer has the key that signed them.
func TestJSONWebTokens(t *testing.T) {
	s := ownStack(t, stack.Options{Servers: 2, ControllerArgs: []string{"--allow-egress=127.0.0.1/32"}})
	from, err := issuer.Start(t.Context(), apps.Options{}, jwtClient, jwtOtherClient)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = from.Stop() })
	tn := newDirectory(t, s)
	tn.changeDirectory(t, func(spec *v1alpha1.ScimDirectorySpec) {
		spec.Authentication.JWT = &v1alpha1.JWTAuthentication{
			Issuer: from.URL, Audiences: []string{jwtAudience, jwtAudience + issuer.ES256},
			RequiredClaims: []v1alpha1.RequiredClaim{{Name: "client_id", Values: []string{jwtClient}}},
		}
	})
	tn.trustIssuer(t, from.Authority)
	token := func(client, audience string) string {
		t.Helper()
		raw, err := from.Token(t.Context(), client, audience)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	rsa, curve := token(jwtClient, jwtAudience), token(jwtClient, jwtAudience+issuer.ES256)
	for number, raw := range []string{rsa, curve} {
		tn.waitStatus(t, raw, http.StatusOK)
		answer, err := tn.with(0, raw).Post(t.Context(), idp.OktaUser(idp.Person{UserName: fmt.Sprintf("ada%d@acme.test", number)}))
		expect(t, http.StatusCreated, answer, err)
	}
	none := rsa[:strings.LastIndexByte(rsa, '.')+1]
	for what, raw := range map[string]string{
		"of another client": token(jwtOtherClient, jwtAudience), "for another audience": token(jwtClient, "https://payroll.example.com/"), "without its signature": none,
	} {
		answer, err := tn.with(1, raw).Get(t.Context(), idp.OktaTest)
		if err != nil || answer.Status != http.StatusUnauthorized {
			t.Errorf("a token %s: got %s, %v", what, answer, err)
		}
	}

	tn.setAuthority(t, "-----BEGIN CERTIFICATE-----\ncut off")
	tn.waitKeys(t, metav1.ConditionFalse, v1alpha1.ReasonInvalid)
	tn.waitStatus(t, rsa, http.StatusOK) // by the keys of before
	tn.setAuthority(t, string(from.Authority))

	if err := from.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	tn.waitStatus(t, rsa, http.StatusOK) // until the next fetch, what was known is known
	began := time.Now()
	tn.fetchKeys(t)
	tn.waitStatus(t, token(jwtClient, jwtAudience), http.StatusOK)
	tn.waitStatus(t, rsa, http.StatusUnauthorized)
	t.Logf("after %s both servers know the new key and not the old one", time.Since(began))

	if err := from.Stop(); err != nil {
		t.Fatal(err)
	}
	tn.fetchKeys(t)
	dir := tn.waitKeys(t, metav1.ConditionFalse, v1alpha1.ReasonUnavailable)
	if len(dir.Status.Authentication.Keys) != 2 {
		t.Errorf("an issuer that is away: %d keys, want those of before", len(dir.Status.Authentication.Keys))
	}
	answer, err := tn.idp[1].Get(t.Context(), idp.OktaTest)
	expect(t, http.StatusOK, answer, err) // the ScimToken is none of its business
}

// trustIssuer lets the issuer be known by the authority of its certificate, which is private, and by no other.
func (tn *tenant) trustIssuer(t *testing.T, authority []byte) {
	t.Helper()
	other, err := cluster.NewServing()
	if err != nil {
		t.Fatal(err)
	}
	for what, pem := range map[string]string{"none": "", "another": string(other.Authority)} {
		tn.setAuthority(t, pem)
		dir := tn.waitKeys(t, metav1.ConditionFalse, v1alpha1.ReasonUnavailable)
		says := meta.FindStatusCondition(dir.Status.Conditions, v1alpha1.ConditionKeysFetched).Message
		if !strings.Contains(says, "certificateAuthority") || len(dir.Status.Authentication.Keys) > 0 {
			t.Errorf("with %s: %d keys, %s", what, len(dir.Status.Authentication.Keys), says)
		}
	}
	tn.setAuthority(t, string(authority))
	tn.waitKeys(t, metav1.ConditionTrue, v1alpha1.ReasonFetched)
}

func (tn *tenant) setAuthority(t *testing.T, pem string) {
	t.Helper()
	tn.changeDirectory(t, func(spec *v1alpha1.ScimDirectorySpec) { spec.Authentication.JWT.CertificateAuthority = pem })
}

// with is a client of that server with another token.
func (tn *tenant) with(server int, token string) *idp.Client {
	return idp.New(tn.Servers[server].BaseURL(tn.namespace, directoryName), token)
}

// waitStatus waits until every server answers a request with that token so.
func (tn *tenant) waitStatus(t *testing.T, token string, want int) {
	t.Helper()
	for number := range tn.Servers {
		server := tn.with(number, token)
		eventually(t, func(ctx context.Context) error {
			answer, err := server.Get(ctx, idp.OktaTest)
			if err == nil && answer.Status != want {
				err = fmt.Errorf("server %d: got %s, want %d", number, answer, want)
			}
			return err
		})
	}
}

// fetchKeys makes scim-controller ask the issuer now and not within a minute.
func (tn *tenant) fetchKeys(t *testing.T) {
	t.Helper()
	dir := &v1alpha1.ScimDirectory{ObjectMeta: tn.meta(directoryName)}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{"test/fetch":%q}}}`, time.Now().String())
	if err := tn.Client.Patch(t.Context(), dir, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		t.Fatal(err)
	}
}

// waitKeys waits for the condition KeysFetched.
func (tn *tenant) waitKeys(t *testing.T, is metav1.ConditionStatus, reason string) *v1alpha1.ScimDirectory {
	t.Helper()
	dir := &v1alpha1.ScimDirectory{}
	eventually(t, func(ctx context.Context) error {
		if err := tn.Client.Get(ctx, client.ObjectKey{Namespace: tn.namespace, Name: directoryName}, dir); err != nil {
			return err
		}
		if c := meta.FindStatusCondition(dir.Status.Conditions, v1alpha1.ConditionKeysFetched); c == nil || c.Status != is || c.Reason != reason || c.ObservedGeneration != dir.Generation {
			return fmt.Errorf("the condition is %+v, want %s %s of generation %d", c, is, reason, dir.Generation)
		}
		return nil
	})
	return dir
}
