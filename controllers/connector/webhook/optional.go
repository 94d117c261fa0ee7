// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

const (
	// version of the contract.
	version = 1
	// pageSize is how many accounts of a list are asked for at a time.
	pageSize = 200
	// maxNamed bounds what is named in a message.
	maxNamed = 5
)

// Probe implements connector.Prober. What the application does not have of what the configuration names is Invalid: either of them has to change.
func (c *Connector) Probe(ctx context.Context) error {
	const what = "ask what the application can do"
	var can capabilities
	err := c.do(ctx, call{what: what, method: http.MethodGet, path: "/capabilities", success: http.StatusOK}, &can)
	switch {
	case errors.Is(err, errNotFound):
		return outOfContract(what)
	case err != nil:
		return err
	case can.Version == 0:
		return outOfContract(what)
	case can.Version != version:
		return connector.Invalidf("the application serves version %d of the contract, and this scim-controller speaks version %d", can.Version, version)
	}
	return errors.Join(
		lacks("role", c.roles, can.Roles), lacks("attribute", c.attributes, can.Attributes), lacks("operation", c.operations, can.Operations),
	)
}

// lacks names what is configured here and not served there.
func lacks[S ~string](what string, configured, served []S) error {
	var missing []string
	for _, name := range configured {
		if !slices.Contains(served, name) {
			missing = append(missing, fmt.Sprintf("%q", string(name)))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	more := ""
	if n := len(missing) - maxNamed; n > 0 {
		missing, more = missing[:maxNamed], fmt.Sprintf(" and %d more", n)
	}
	return connector.Invalidf("the application does not serve the %s %s%s", what, strings.Join(missing, ", "), more)
}

// Revoke implements connector.Revoker.
func (c *Connector) Revoke(ctx context.Context, acct connector.Account) (connector.Revocation, error) {
	if !c.serves(Revoke) {
		return connector.Revocation{Sessions: connector.NotSupported, Tokens: connector.NotSupported}, nil
	}
	path, err := accountPath(acct.Owner)
	if err != nil {
		return connector.Revocation{}, err
	}
	const what = "revoke the sessions and tokens of an account"
	var became revocation
	err = c.do(ctx, call{what: what, method: http.MethodPost, path: path + "/revoke", success: http.StatusOK}, &became)
	switch {
	case errors.Is(err, errNotFound):
		return connector.Revocation{Sessions: connector.Revoked, Tokens: connector.Revoked}, nil // of nobody there is nothing left
	case err != nil:
		return connector.Revocation{}, err
	case became.Owner != acct.Owner || !known(became.Sessions) || !known(became.Tokens):
		return connector.Revocation{}, outOfContract(what)
	}
	return connector.Revocation{Sessions: became.Sessions, Tokens: became.Tokens}, nil
}

func known(state connector.RevocationState) bool {
	return state == connector.Revoked || state == connector.NotNeeded || state == connector.NotSupported
}

// lister implements connector.Lister.
type lister struct{ c *Connector }

func (l lister) List(ctx context.Context) iter.Seq2[connector.Account, error] {
	return func(yield func(connector.Account, error) bool) {
		cursor := ""
		for {
			accounts, next, err := l.c.page(ctx, cursor)
			if err != nil {
				yield(connector.Account{}, err)
				return
			}
			for _, a := range accounts {
				if !yield(a, nil) {
					return
				}
			}
			if cursor = next; cursor == "" {
				return
			}
		}
	}
}

// page returns one page.
func (c *Connector) page(ctx context.Context, cursor string) (accounts []connector.Account, next string, err error) {
	const what = "list the accounts"
	query := url.Values{"limit": {strconv.Itoa(pageSize)}}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	var p page
	err = c.do(ctx, call{what: what, method: http.MethodGet, path: "/accounts", query: query, success: http.StatusOK}, &p)
	if err != nil && !errors.Is(err, errNotFound) {
		return nil, "", err
	}
	if err != nil || !p.follows(cursor) {
		return nil, "", outOfContract(what)
	}
	accounts, ok := c.readAll(*p.Accounts)
	if !ok {
		return nil, "", outOfContract(what)
	}
	return accounts, *p.Next, nil
}

// adopter implements connector.Adopter.
type adopter struct{ c *Connector }

// Find sends what it looks for in the body, since addresses of requests are logged.
func (a adopter) Find(ctx context.Context, key connector.Key, value string) ([]connector.Account, error) {
	const what = "find an account"
	if value == "" || !utf8.ValidString(value) {
		return nil, connector.Invalidf("%s: the key is empty or not UTF-8", what)
	}
	wanted := look{Key: key, Value: value}
	var told found
	err := a.c.do(ctx, call{what: what, method: http.MethodPost, path: "/find", body: wanted, success: http.StatusOK}, &told)
	switch {
	case errors.Is(err, errNotFound):
		return nil, outOfContract(what)
	case err != nil:
		return nil, err
	case told.look != wanted || told.Accounts == nil:
		return nil, outOfContract(what)
	}
	accounts, ok := a.c.readAll(*told.Accounts)
	if !ok || slices.ContainsFunc(accounts, func(a connector.Account) bool { return a.Owner != "" }) {
		return nil, outOfContract(what)
	}
	return accounts, nil
}

func (a adopter) Adopt(ctx context.Context, found connector.Account, owner string) (connector.Account, error) {
	const what = "adopt an account"
	if _, err := accountPath(owner); err != nil {
		return connector.Account{}, err
	}
	body := struct {
		ID    string `json:"id"`
		Owner string `json:"owner"`
	}{found.ExternalID, owner}
	adopted, err := a.c.account(ctx, call{what: what, method: http.MethodPost, path: "/adopt", body: body, success: http.StatusOK}, owner)
	switch {
	case errors.Is(err, errNotFound):
		return connector.Account{}, connector.Conflictf("%s: it is gone", what)
	case err != nil:
		return connector.Account{}, err
	case adopted.ExternalID != found.ExternalID:
		return connector.Account{}, outOfContract(what)
	}
	return *adopted, nil
}
