// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"sync"

	"k8s.io/utils/lru"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// cacheSize bounds how many programs a [Cache] keeps. One takes some tens of kilobytes.
const cacheSize = 4096

// Cache compiles each expression once and remembers what became of it, an error too, which is one line for people. The zero value is
// ready, and many can use it at once.
// It keeps a bounded number of programs; the one that was not used for longest goes first.
type Cache struct {
	languages languages
	mu        sync.Mutex // between looking for an entry and adding it
	programs  *lru.Cache
}

// purpose is what an expression is compiled for: the same text may be good for one and not for another.
type purpose int

const (
	forCondition purpose = iota
	forRoles
	forText
	forValue
	forInvariant
)

type cacheKey struct {
	purpose    purpose
	expression v1alpha1.Expression
}

// compiled is compiled by the first who asks; who comes at the same time waits for it, and nobody for another expression.
type compiled struct {
	once    sync.Once
	program any
	err     error
}

// Condition compiles an expression whose result is a bool.
func (c *Cache) Condition(e v1alpha1.Expression) (*Condition, error) {
	return cached(c, forCondition, e, c.languages.condition)
}

// Roles compiles an expression whose result is a string or a list of strings.
func (c *Cache) Roles(e v1alpha1.Expression) (*Roles, error) {
	return cached(c, forRoles, e, c.languages.roles)
}

// Text compiles an expression whose result is a string.
func (c *Cache) Text(e v1alpha1.Expression) (*Text, error) {
	return cached(c, forText, e, c.languages.text)
}

// Value compiles an expression whose result is a string, a number, a bool, or a list of these.
func (c *Cache) Value(e v1alpha1.Expression) (*Value, error) {
	return cached(c, forValue, e, c.languages.value)
}

// Invariant compiles an expression about an account, whose result is a bool.
func (c *Cache) Invariant(e v1alpha1.Expression) (*Invariant, error) {
	return cached(c, forInvariant, e, c.languages.invariant)
}

func cached[P any](c *Cache, p purpose, e v1alpha1.Expression, compile func(v1alpha1.Expression) (*P, error)) (*P, error) {
	entry := c.entry(cacheKey{p, e})
	entry.once.Do(func() {
		if program, err := compile(e); err != nil {
			entry.err = err
		} else {
			entry.program = program
		}
	})
	if entry.err != nil {
		return nil, entry.err
	}
	return entry.program.(*P), nil // the purpose says which
}

func (c *Cache) entry(key cacheKey) *compiled {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.programs == nil {
		c.programs = lru.New(cacheSize)
	}
	if found, ok := c.programs.Get(key); ok {
		return found.(*compiled) // nothing else is added
	}
	entry := &compiled{}
	c.programs.Add(key, entry)
	return entry
}
