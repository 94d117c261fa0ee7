// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package application

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
)

// TestStandingIsToldOnce: an event when an application begins to work or stops to, none at any other look, and a measurement at each.
func TestStandingIsToldOnce(t *testing.T) {
	memory := connectortest.NewMemory()
	r := newReconciler(t, memory, app(), directory())
	recorder := events.NewFakeRecorder(100)
	var calls []connector.Call
	r.Recorder = recorder
	r.Connections.Called = func(types.NamespacedName) connector.Called {
		return func(c connector.Call) { calls = append(calls, connector.Call{Verb: c.Verb, Kind: c.Kind}) }
	}
	for _, step := range []struct {
		fault error
		want  string
		kind  connector.Kind
	}{
		{nil, "Normal Ready Connected: the application answers and gives us the rights that we need", ""},
		{nil, "", ""},
		{connector.Deniedf("no right"), "Warning NotReady Denied: no right", connector.KindDenied},
		{connector.Deniedf("no right"), "", connector.KindDenied},
		{connector.Unavailablef(0, "down"), "Warning NotReady Unavailable: down", connector.KindUnavailable},
		{nil, "Normal Ready Connected: the application answers and gives us the rights that we need", ""},
	} {
		memory.Fail(step.fault)
		calls = nil
		round(t, r)
		got := ""
		if len(recorder.Events) > 0 {
			got = <-recorder.Events
		}
		if got != step.want || len(recorder.Events) > 0 {
			t.Errorf("after %v: %q and %d more, want %q", step.fault, got, len(recorder.Events), step.want)
		}
		if diff := cmp.Diff([]connector.Call{{Verb: connector.VerbProbe, Kind: step.kind}}, calls); diff != "" {
			t.Errorf("after %v: calls (-want +got):\n%s", step.fault, diff)
		}
	}
}
