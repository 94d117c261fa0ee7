// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connector

import (
	"context"
	"errors"
	"time"
)

// Verb names a method of a connector.
type Verb string

// The verbs. There are no others, so they can be labels of metrics.
const (
	VerbObserve Verb = "observe"
	VerbApply   Verb = "apply"
	VerbDelete  Verb = "delete"
	VerbFind    Verb = "find"
	VerbAdopt   Verb = "adopt"
	VerbRevoke  Verb = "revoke"
	VerbProbe   Verb = "probe"
	VerbList    Verb = "list"
)

// Call is one call to a connector that is over.
type Call struct {
	Verb Verb
	// Kind of its error, empty without one. That there is no such account is no error.
	Kind Kind
	Took time.Duration
}

// Called is told of calls. Nil is told of none.
type Called func(Call)

// Began returns what to call with the error, if any, when a call is over.
func (c Called) Began(verb Verb) (ended func(error)) {
	if c == nil {
		return func(error) {}
	}
	start := time.Now()
	return func(err error) {
		if errors.Is(err, ErrNotFound) {
			err = nil
		}
		c(Call{Verb: verb, Kind: KindOf(err), Took: time.Since(start)})
	}
}

// Connector returns conn, of whose calls c is told. What else conn can do is not to be had through it.
func (c Called) Connector(conn Connector) Connector {
	if c == nil {
		return conn
	}
	return measured{conn, c}
}

// Adopter returns a, of whose calls c is told.
func (c Called) Adopter(a Adopter) Adopter { return measuredAdopter{a, c} }

// Revoker returns r, of whose calls c is told.
func (c Called) Revoker(r Revoker) Revoker { return measuredRevoker{r, c} }

type measured struct {
	conn   Connector
	called Called
}

// Observe implements Connector.
func (m measured) Observe(ctx context.Context, want Account) (*Account, error) {
	ended := m.called.Began(VerbObserve)
	observed, err := m.conn.Observe(ctx, want)
	ended(err)
	return observed, err
}

// Apply implements Connector.
func (m measured) Apply(ctx context.Context, observed *Account, want Account) (Account, error) {
	ended := m.called.Began(VerbApply)
	applied, err := m.conn.Apply(ctx, observed, want)
	ended(err)
	return applied, err
}

// Delete implements Connector.
func (m measured) Delete(ctx context.Context, observed Account) error {
	ended := m.called.Began(VerbDelete)
	err := m.conn.Delete(ctx, observed)
	ended(err)
	return err
}

type measuredAdopter struct {
	adopter Adopter
	called  Called
}

// Find implements Adopter.
func (m measuredAdopter) Find(ctx context.Context, key Key, value string) ([]Account, error) {
	ended := m.called.Began(VerbFind)
	found, err := m.adopter.Find(ctx, key, value)
	ended(err)
	return found, err
}

// Adopt implements Adopter.
func (m measuredAdopter) Adopt(ctx context.Context, found Account, owner string) (Account, error) {
	ended := m.called.Began(VerbAdopt)
	adopted, err := m.adopter.Adopt(ctx, found, owner)
	ended(err)
	return adopted, err
}

type measuredRevoker struct {
	revoker Revoker
	called  Called
}

// Revoke implements Revoker.
func (m measuredRevoker) Revoke(ctx context.Context, acct Account) (Revocation, error) {
	ended := m.called.Began(VerbRevoke)
	became, err := m.revoker.Revoke(ctx, acct)
	ended(err)
	return became, err
}
