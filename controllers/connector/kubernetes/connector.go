// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// Observe implements connector.Connector. It never returns an account of another owner: who has other bindings is none
// of its business.
func (c *Connector) Observe(ctx context.Context, want connector.Account) (*connector.Account, error) {
	live, err := c.live(ctx, want.Owner)
	if err != nil {
		return nil, err
	}
	if observed := c.observed(want, live); observed != nil {
		return observed, nil
	}
	return nil, connector.ErrNotFound
}

// Apply implements connector.Connector. It decides by what is live and does not look at what was observed before.
func (c *Connector) Apply(ctx context.Context, _ *connector.Account, want connector.Account) (connector.Account, error) {
	c.hasten(ctx, want)
	live, err := c.live(ctx, want.Owner)
	if err != nil {
		return connector.Account{}, err
	}
	desired, err := c.desired(want, live)
	if err != nil {
		return connector.Account{}, err
	}
	todo := plan(live, desired)
	if err := c.execute(ctx, todo); err != nil {
		return connector.Account{}, err
	}
	live = todo.after(live)
	sortByPlace(live)
	if stored := c.observed(want, live); stored != nil {
		return *stored, nil
	}
	return connector.Account{
		Owner: want.Owner, ExternalID: accountLabel(want.Owner), UserName: want.UserName, State: connector.Suspended, Roles: []string{},
	}, nil
}

// Delete implements connector.Connector.
func (c *Connector) Delete(ctx context.Context, observed connector.Account) error {
	live, err := c.live(ctx, observed.Owner)
	if err != nil {
		return err
	}
	return c.execute(ctx, changes{remove: live})
}

// execute takes away before it gives, and gives nothing as long as something could not be taken away.
func (c *Connector) execute(ctx context.Context, todo changes) error {
	if err := each(todo.remove, func(b binding) error { return c.remove(ctx, b) }); err != nil {
		return err
	}
	return each(todo.create, func(b binding) error { return c.create(ctx, b) })
}
