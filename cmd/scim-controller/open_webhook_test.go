// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/netip"
	"testing"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
	"github.com/scim-operator/scim-operator/hack/apps"
	"github.com/scim-operator/scim-operator/hack/apps/webhook"
)

// TestWebhookIsOpenedAsSaid opens what the reference application says of itself, and tries it out.
func TestWebhookIsOpenedAsSaid(t *testing.T) {
	started, err := webhook.Start(t.Context(), apps.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = started.Stop() })
	app := &v1alpha1.ScimApplication{Spec: started.Application()}
	credential, _ := started.Credential()
	open := openWebhook(egress.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}.DialContext)
	conn, err := open(t.Context(), app, credential)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.(connector.Prober).Probe(t.Context()); err != nil {
		t.Errorf("Probe: %v", err)
	}
	_, lists := conn.(connector.Lister)
	_, adopts := conn.(connector.Adopter)
	if !lists || !adopts || !conn.(connector.Profiled).Keeps("department") {
		t.Errorf("lists %v, adopts %v", lists, adopts)
	}
	want := connector.Account{Owner: "acme/jane", UserName: "jane", State: connector.Active, Roles: []string{"reader"}}
	if _, err := conn.Apply(t.Context(), nil, want); err != nil {
		t.Fatal(err)
	}
	if err := started.Login(t.Context(), "jane"); err != nil {
		t.Errorf("jane cannot log in: %v", err)
	}
	alive, err := started.Open(t.Context(), "jane")
	if err != nil {
		t.Fatal(err)
	}
	want.State = connector.Suspended
	if _, err := conn.Apply(t.Context(), nil, want); err != nil {
		t.Fatal(err)
	}
	if became, err := conn.(connector.Revoker).Revoke(t.Context(), want); err != nil || became.Sessions != connector.Revoked {
		t.Errorf("Revoke: %v, %v", became, err)
	}
	if err := started.Login(t.Context(), "jane"); err == nil || alive(t.Context()) {
		t.Errorf("jane has left, and can log in: %v, her session is alive: %v", err, alive(t.Context()))
	}
}
