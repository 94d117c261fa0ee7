// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"k8s.io/apimachinery/pkg/types"
)

// State is how one lane of an application stands.
type State struct {
	App types.NamespacedName
	// Removal tells the lane of what takes access away from that of the rest.
	Removal bool
	// Open says that accounts go through as they come.
	Open bool
	// Active is how many accounts are worked on, Waiting how many wait for a place or for the lane to open.
	Active, Waiting int
}

// States says how every lane stands, in no order.
func (g *Gates) States() []State {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make([]State, 0, 2*len(g.gates))
	for app, a := range g.gates {
		for _, l := range a.lanes() {
			all = append(all, State{App: app, Removal: l.removal, Open: l.closed == nil, Active: l.active, Waiting: len(l.waiters) + len(l.parked)})
		}
	}
	return all
}
