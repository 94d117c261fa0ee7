// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"maps"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

func tokenRules() map[string]rule {
	const (
		fixed     = "secretName cannot change; make another ScimToken"
		username  = "username cannot change; make another ScimToken"
		generated = "username is for a generated credential of type Basic; a provided Secret has its own"
		stays     = "a ScimToken stays generated or provided; make another ScimToken"
	)
	provided := spec(map[string]any{"secretName": "from-vault"}, "provided")
	plain := []change{spec(nil, "secretName"), spec(nil, "username"), spec(nil, "rotation", "interval"), provided}
	cases := map[string]rule{
		"TokenDirectoryChanges": {
			reason: "the token would open another directory", update: []change{spec("other", "directoryRef", "name")},
			wantErr: "directoryRef cannot change; make another ScimToken",
		},
		"TokenSecretChanges": {reason: "the old Secret would stay", update: []change{spec("other", "secretName")}, wantErr: fixed},
		"TokenSecretRemoved": {reason: "the default is another Secret", update: []change{spec(nil, "secretName")}, wantErr: fixed},
		"TokenSecretAdded":   {reason: "the default was another Secret", create: []change{spec(nil, "secretName")}, update: []change{spec("other", "secretName")}, wantErr: fixed},
		"TokenSecretStays": {
			reason: "a metadata change with no secretName at all", create: []change{spec(nil, "secretName")},
			update: []change{{fieldPath{"metadata", "labels"}, map[string]any{"a": "b"}}},
		},
		"TokenTypeChanges":      {reason: "the identity provider presents it otherwise", create: []change{spec(nil, "username")}, update: []change{spec("Bearer", "type")}, wantErr: "type cannot change; make another ScimToken"},
		"TokenUsernameChanges":  {reason: "the identity provider has the old one", update: []change{spec("other", "username")}, wantErr: username},
		"TokenUsernameRemoved":  {reason: "the default is another one", update: []change{spec(nil, "username")}, wantErr: username},
		"TokenUsernameOfBearer": {reason: "there is none", create: []change{spec("Bearer", "type")}, wantErr: generated},
		"TokenUsernameProvided": {reason: "the Secret has it", create: []change{spec(nil, "secretName"), spec(nil, "rotation", "interval"), provided}, wantErr: generated},
		"TokenProvided":         {reason: "and Basic", create: plain},
		"TokenProvidedSecret":   {reason: "who makes which?", create: []change{spec(nil, "username"), spec(nil, "rotation", "interval"), provided}, wantErr: "secretName names the Secret that scim-controller makes; with provided there is none"},
		"TokenProvidedInterval": {
			reason: "nobody here could", create: []change{spec(nil, "username"), spec(nil, "secretName"), provided},
			wantErr: "whoever keeps a provided Secret rotates it: rotation.interval is for generated credentials",
		},
		"TokenProvidedMoves":   {reason: "another Secret is another credential", create: plain, update: []change{spec("from-sops", "provided", "secretName")}},
		"TokenProvidedRemoved": {reason: "the old Secret is not ours to delete", create: plain, update: []change{spec(nil, "provided")}, wantErr: stays},
		"TokenProvidedAdded":   {reason: "the Secret that was made would stay", create: []change{spec(nil, "secretName"), spec(nil, "username"), spec(nil, "rotation")}, update: []change{provided}, wantErr: stays},
		"TokenSettingsChange":  {reason: "all of them can be changed", update: []change{spec(nil, "expiresAt"), spec(nil, "rotation"), spec(nil, "scopes")}},
	}
	maps.Copy(cases, durationRules())
	cases = of("ScimToken", cases)
	maps.Copy(cases, of("ScimTokenUse", map[string]rule{
		"UseOfAnotherToken":      {reason: "it would be counted there", update: []change{spec("other", "tokenRef", "name")}, wantErr: "tokenRef cannot change"},
		"UseOfAnotherCredential": {reason: "it is in the name", update: []change{spec("other", "keyID")}, wantErr: "keyID cannot change"},
		"UsedAgain":              {reason: "that is what it is for", update: []change{spec("2026-01-03T00:00:00Z", "lastUsedAt")}},
	}))
	return cases
}

// durationRules are the bounds of durations, and times that Go cannot read: one of those would stop the reading of all ScimTokens (OPS-08).
func durationRules() map[string]rule {
	const interval, grace, deadline = "interval must be from 1h to 87600h", "grace must be from 0s to 8760h", "deadline must be from 0s to 8760h"
	unreadable := "in body should match"
	cases := map[string]rule{}
	for name, c := range map[string]struct{ field, value, wantErr string }{
		"IntervalShort": {"interval", "59m59s", interval}, "IntervalLong": {"interval", "87601h", interval}, "IntervalLeast": {"interval", "3600s", ""}, "IntervalMost": {"interval", "87600h0m0s", ""},
		"GraceLong": {"grace", "8761h", grace}, "GraceNone": {"grace", "0s", ""}, "GraceMost": {"grace", "8760h", ""},
		"DeadlineLong": {"deadline", "8760h1s", deadline}, "DeadlineNone": {"deadline", "0s", ""},
		"Days": {"deadline", "7d", unreadable}, "Weeks": {"grace", "1 week", unreadable}, "Scala": {"interval", "3hours", unreadable}, "Negative": {"grace", "-1h", unreadable}, "NoUnit": {"grace", "60", unreadable},
	} {
		cases["Token"+name] = rule{reason: c.value, create: []change{spec(c.value, "rotation", c.field)}, wantErr: c.wantErr}
	}
	for value, wantErr := range map[string]string{
		"2027-01-01T00:00:00+01:00": "", "2027-01-01T00:00:00.5Z": "", "2027-01-01t00:00:00z": unreadable, "2027-01-01T00:00:00,5Z": unreadable, "2027-01-01T00:00:00+99:99": unreadable,
	} {
		cases["TokenExpiresAt "+value] = rule{reason: value, create: []change{spec(value, "expiresAt")}, wantErr: wantErr}
	}
	return cases
}

// testReadableTimes reads as a program does what the API server has let in.
func testReadableTimes(t *testing.T, api *api) {
	namespace := api.namespace(t)
	for name, c := range durationRules() {
		if c.wantErr != "" {
			continue
		}
		object := decode(t, samples()["ScimToken"])
		object.SetNamespace(namespace)
		object.SetGenerateName("readable-")
		object.SetName("")
		apply(t, object, c.create)
		if err := api.Create(t.Context(), object); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := api.List(t.Context(), &v1alpha1.ScimTokenList{}, client.InNamespace(namespace)); err != nil {
		t.Error(err)
	}
}

// testTokenDefaults: what nothing is said of is said in the object, but a rotation of which nothing is said: that is the code's.
func testTokenDefaults(t *testing.T, api *api) {
	tok := &v1alpha1.ScimToken{
		ObjectMeta: metav1.ObjectMeta{Namespace: api.namespace(t), Name: "sample"},
		Spec:       v1alpha1.ScimTokenSpec{DirectoryRef: v1alpha1.LocalReference{Name: "acme"}, Rotation: v1alpha1.TokenRotation{Interval: &metav1.Duration{Duration: 24 * time.Hour}}},
	}
	if err := api.Create(t.Context(), tok); err != nil {
		t.Fatal(err)
	}
	if r := tok.Spec.Rotation; tok.Spec.Type != v1alpha1.TokenBearer || r.Grace.Duration != time.Hour || r.Deadline.Duration != 168*time.Hour {
		t.Errorf("type %s, rotation %+v", tok.Spec.Type, r)
	}
}

func TestNamesOfUses(t *testing.T) {
	if got := v1alpha1.TokenUseName("aB3"); got != v1alpha1.TokenUseName("aB3") || got == v1alpha1.TokenUseName("ab3") || len(got) != 36 {
		t.Errorf("%q", got)
	}
}
