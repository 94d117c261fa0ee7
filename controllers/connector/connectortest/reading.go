// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// errorReader reads every error that a connector returns for what must not be in it.
type errorReader struct {
	connector.Connector
	t       testing.TB
	secrets []string
}

func (e *errorReader) Observe(ctx context.Context, want connector.Account) (*connector.Account, error) {
	observed, err := e.Connector.Observe(ctx, want)
	e.read(err, want.UserName)
	return observed, err
}

func (e *errorReader) Apply(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
	applied, err := e.Connector.Apply(ctx, observed, want)
	e.read(err, want.UserName)
	return applied, err
}

func (e *errorReader) Delete(ctx context.Context, observed connector.Account) error {
	err := e.Connector.Delete(ctx, observed)
	e.read(err, observed.UserName)
	return err
}

// Find is for connectors that are an Adopter only, as are the other methods of capabilities for theirs.
func (e *errorReader) Find(ctx context.Context, key connector.Key, value string) ([]connector.Account, error) {
	found, err := e.Connector.(connector.Adopter).Find(ctx, key, value)
	if len(value) > 1 { // "*" may well be in a message
		e.read(err, value)
	}
	return found, err
}

func (e *errorReader) Adopt(ctx context.Context, found connector.Account, owner string) (connector.Account, error) {
	adopted, err := e.Connector.(connector.Adopter).Adopt(ctx, found, owner)
	e.read(err, found.UserName)
	return adopted, err
}

// list returns what a list yields, and how it ends. It complains of one that goes on after an error.
func (e *errorReader) list(ctx context.Context) (all []connector.Account, failed error) {
	for a, err := range e.Connector.(connector.Lister).List(ctx) {
		if failed != nil {
			e.t.Error("the list goes on after an error")
		}
		if e.read(err, ""); err != nil {
			failed = err
			continue
		}
		all = append(all, a)
	}
	return all, failed
}

func (e *errorReader) Revoke(ctx context.Context, acct connector.Account) (connector.Revocation, error) {
	revocation, err := e.Connector.(connector.Revoker).Revoke(ctx, acct)
	e.read(err, acct.UserName)
	return revocation, err
}

func (e *errorReader) read(err error, userName string) {
	if err == nil {
		return
	}
	texts := []string{err.Error(), fmt.Sprintf("%+v", err), connector.Message(err)}
	for _, text := range texts {
		for _, secret := range e.secrets {
			if strings.Contains(text, secret) {
				e.t.Errorf("a secret is in the error %q", text)
			}
		}
		if userName != "" && strings.Contains(text, userName) {
			e.t.Errorf("the user name is in the error %q", text)
		}
	}
}
