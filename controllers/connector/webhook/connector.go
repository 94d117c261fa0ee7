// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// Observe implements connector.Connector.
func (c *Connector) Observe(ctx context.Context, want connector.Account) (*connector.Account, error) {
	path, err := accountPath(want.Owner)
	if err != nil {
		return nil, err
	}
	observed, err := c.account(ctx, call{what: "read an account", method: http.MethodGet, path: path, success: http.StatusOK}, want.Owner)
	if errors.Is(err, errNotFound) {
		return nil, connector.ErrNotFound
	}
	return observed, err
}

// Apply implements connector.Connector. One request says what the whole account shall be, so the application can take before it gives, and saying
// it again after an answer that was lost changes nothing.
func (c *Connector) Apply(ctx context.Context, _ *connector.Account, want connector.Account) (connector.Account, error) {
	path, err := accountPath(want.Owner)
	if err != nil {
		return connector.Account{}, err
	}
	put := call{what: "write an account", method: http.MethodPut, path: path, body: ask(want), success: http.StatusOK}
	if want.State == connector.Suspended {
		put.what = "suspend an account"
	} else if err := c.accepts(want); err != nil {
		return connector.Account{}, err
	}
	stored, err := c.account(ctx, put, want.Owner)
	switch {
	case errors.Is(err, errNotFound) && want.State == connector.Suspended:
		return connector.Account{Owner: want.Owner, UserName: want.UserName, State: want.State}, nil // nobody has one, and none is made
	case errors.Is(err, errNotFound):
		return connector.Account{}, outOfContract(put.what)
	case err != nil:
		return connector.Account{}, err
	case !connector.InSync(stored, want):
		return connector.Account{}, connector.Unavailablef(outOfContractWait, "%s: the application stored something else than it was asked to", put.what)
	}
	return *stored, nil
}

// accepts returns Invalid for what no application would be asked.
func (c *Connector) accepts(want connector.Account) error {
	for _, role := range want.Roles {
		if !slices.Contains(c.roles, role) {
			return connector.Invalidf("a role is wanted that the application does not offer")
		}
	}
	return representable(want)
}

// Delete implements connector.Connector.
func (c *Connector) Delete(ctx context.Context, observed connector.Account) error {
	path, err := accountPath(observed.Owner)
	if err != nil {
		return err
	}
	err = c.do(ctx, call{what: "delete an account", method: http.MethodDelete, path: path, success: http.StatusNoContent}, nil)
	if errors.Is(err, errNotFound) {
		return nil
	}
	return err
}

// account makes a call that is answered with the account of that owner.
func (c *Connector) account(ctx context.Context, r call, owner string) (*connector.Account, error) {
	var told account
	if err := c.do(ctx, r, &told); err != nil {
		return nil, err
	}
	read, ok := c.read(told)
	if !ok || read.Owner != owner {
		return nil, outOfContract(r.what)
	}
	return &read, nil
}
