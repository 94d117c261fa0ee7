// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// patience is how long the suite waits for what must happen. It is long because machines are slow, not because systems may be.
const patience = 30 * time.Second

// observe returns nil for ErrNotFound, and holds the connector to saying so in that way.
func observe(ctx context.Context, conn connector.Connector, want connector.Account) (*connector.Account, error) {
	observed, err := conn.Observe(ctx, want)
	switch {
	case errors.Is(err, connector.ErrNotFound):
		return nil, nil
	case err == nil && observed == nil:
		return nil, errors.New("Observe returned neither an account nor an error") //nolint:revive,staticcheck // names the method
	}
	return observed, err
}

// eventually asks until the answer is yes or patience is over.
func eventually(ctx context.Context, ask func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if ask() {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

func describe(a *connector.Account) string {
	if a == nil {
		return "no account"
	}
	return fmt.Sprintf("%+v", *a)
}

// with returns a changed copy.
func with(a connector.Account, change func(*connector.Account)) connector.Account {
	change(&a)
	return a
}

func suspended(a connector.Account) connector.Account {
	return with(a, func(a *connector.Account) { a.State = connector.Suspended })
}

// withRoles returns a copy with those roles, nil ones if none are given.
func withRoles(a connector.Account, roles ...string) connector.Account {
	return with(a, func(a *connector.Account) { a.Roles = slices.Sorted(slices.Values(roles)) })
}
