// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

// Fault is one way in which a system, or the way to it, can fail.
type Fault struct {
	// Inject turns it on: it strikes when that many exchanges have gone well. lift turns it off again, for good, and says how often it struck.
	Inject func(after int) (lift func() (struck int))
	// Once says that it strikes once, and is worth trying at every exchange. Others strike until they are lifted.
	Once bool
	// Silent says that nothing is answered while it is on, so that only the end of a context ends a call.
	Silent bool
	// Harmless says that everything must work in spite of it.
	Harmless bool
}
