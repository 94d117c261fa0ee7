// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"slices"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
)

// Operation is a part of the contract that is optional.
type Operation string

// The optional operations.
const (
	// List makes the connector a Lister.
	List Operation = "List"
	// Adopt makes the connector an Adopter.
	Adopt Operation = "Adopt"
	// Revoke ends sessions and tokens. Without it they are said to be not supported.
	Revoke Operation = "Revoke"
)

// Config is everything that the connector is opened with.
type Config struct {
	// Endpoint is where the contract is served. With the key [KeySigning] in its credential, every request is signed.
	Endpoint outbound.Config
	// Roles are all that accounts can have here.
	Roles []string
	// Attributes are those of the profile that the application keeps.
	Attributes []string
	// Operations are those of the optional ones that the application serves.
	Operations []Operation
}

// Connector implements connector.Connector, connector.Prober, connector.Profiled, connector.Revoker and io.Closer. What Open returns is a
// connector.Lister or a connector.Adopter as well, if the application is.
type Connector struct {
	client     *outbound.Client
	roles      []string
	attributes []string
	operations []Operation
}

var (
	_ connector.Connector = (*Connector)(nil)
	_ connector.Prober    = (*Connector)(nil)
	_ connector.Profiled  = (*Connector)(nil)
	_ connector.Revoker   = (*Connector)(nil)
)

// Open returns a connector for that application. It makes no request; use Probe to see whether it works. A configuration that cannot work is Invalid.
func Open(_ context.Context, cfg Config) (connector.Connector, error) {
	endpoint := cfg.Endpoint
	if key, signs := endpoint.Credential[KeySigning]; signs {
		sign, err := signer(key)
		if err != nil {
			return nil, err
		}
		endpoint.Sign = sign
	}
	client, err := outbound.Open(endpoint)
	if err != nil {
		return nil, err
	}
	c := &Connector{
		client: client, roles: slices.Clone(cfg.Roles), attributes: slices.Clone(cfg.Attributes), operations: slices.Clone(cfg.Operations),
	}
	switch lists, adopts := c.serves(List), c.serves(Adopt); {
	case lists && adopts:
		return both{c, lister{c}, adopter{c}}, nil
	case lists:
		return listing{c, lister{c}}, nil
	case adopts:
		return adopting{c, adopter{c}}, nil
	}
	return c, nil
}

// What a connector can do is known by its type, so there is one for each that an application can have of the optional operations.
type (
	listing struct {
		*Connector
		lister
	}
	adopting struct {
		*Connector
		adopter
	}
	both struct {
		*Connector
		lister
		adopter
	}
)

func (c *Connector) serves(operation Operation) bool { return slices.Contains(c.operations, operation) }

// Keeps implements connector.Profiled.
func (c *Connector) Keeps(attribute string) bool { return slices.Contains(c.attributes, attribute) }

// Close lets go of idle connections.
func (c *Connector) Close() error { return c.client.Close() }
