// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

func TestMemoryRemembersItsCalls(t *testing.T) {
	m := NewMemory("viewer")
	want := connector.Account{Owner: "ns/a", UserName: "zoe", State: connector.Active}
	for range 2 {
		if _, err := m.Apply(t.Context(), nil, want); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range m.List(t.Context()) {
		break
	}
	wantCalls := []Call{{VerbApply, "ns/a", true}, {VerbApply, "ns/a", false}, {Verb: VerbProbe}, {Verb: VerbList}}
	if diff := cmp.Diff(wantCalls, m.Calls()); diff != "" {
		t.Error(diff)
	}
	if m.Count(VerbApply, VerbProbe) != 3 || m.Count() != 4 {
		t.Errorf("counted %d of %d", m.Count(VerbApply, VerbProbe), m.Count())
	}
	if m.ForgetCalls(); m.Count() != 0 || m.MostAtOnce() != 0 {
		t.Errorf("after ForgetCalls: %v", m.Calls())
	}
}

// TestMemorySeesCallsAtOnce holds three calls at the gate until all have come.
func TestMemorySeesCallsAtOnce(t *testing.T) {
	m := NewMemory()
	const count = 3
	var gate, callers sync.WaitGroup
	gate.Add(count)
	m.Before(func(context.Context, Call) error {
		gate.Done()
		gate.Wait()
		return nil
	})
	for range count {
		callers.Go(func() { _ = m.Probe(t.Context()) })
	}
	callers.Wait()
	if most := m.MostAtOnce(); most != count {
		t.Errorf("%d calls at once, want %d", most, count)
	}
	refused := errors.New("refused")
	m.Before(func(_ context.Context, call Call) error {
		if call.Verb == VerbList {
			return refused
		}
		return nil
	})
	if err := m.Probe(t.Context()); err != nil {
		t.Errorf("Probe: %v", err)
	}
	for _, err := range m.List(t.Context()) {
		if !errors.Is(err, refused) {
			t.Errorf("List: %v", err)
		}
	}
}
