// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
)

// RolesAs says what a role is in the application.
type RolesAs string

const (
	// Groups makes a role a group, and an account that has it a member.
	Groups RolesAs = "Groups"
	// RolesAttribute makes a role a value of the user's own attribute roles.
	RolesAttribute RolesAs = "RolesAttribute"
)

// Suspension says how an account is suspended.
type Suspension string

const (
	// Deactivate sets active to false. The groups of the account stay.
	Deactivate Suspension = "Deactivate"
	// Delete deletes the account, for applications that let inactive users in.
	Delete Suspension = "Delete"
)

const (
	// featuresTTL is how long is believed what the application says that it can do, and groupsTTL which group has which name.
	featuresTTL = time.Hour
	groupsTTL   = time.Minute
)

// Role says what a role of the application is downstream.
type Role struct {
	// Name is the role's name in the application, which accounts want. It must not begin with connector.DamagedPrefix.
	Name string
	// Group is the displayName of the group, for Groups. GroupID is its id, which is taken instead where it is given. Without either, the
	// displayName is Name.
	Group, GroupID string
	// Value is the value, for RolesAttribute. Empty means Name.
	Value string
}

// Config is everything that the connector is opened with.
type Config struct {
	// Endpoint is the base URL of SCIM, and who we are there.
	Endpoint outbound.Config
	// RolesAs says what roles are; empty means Groups.
	RolesAs RolesAs
	// Suspension says how an account is suspended; empty means Deactivate.
	Suspension Suspension
	// AdoptExternalIDs says that the application may have the externalId that the identity provider has for a person, because something else
	// kept the accounts before. They can be adopted by connector.KeyExternalID then.
	AdoptExternalIDs bool
	// Roles are all that accounts can have here. Names are unique, and so is what they stand for.
	Roles []Role
}

// Connector implements connector.Connector, Prober, Profiled, Adopter, Lister and io.Closer.
type Connector struct {
	config Config
	http   *outbound.Client

	features memo[features]
	groups   memo[map[string]string]
	learned  learned
	// adopting is held while an account is adopted: not every application has ETags to keep two from adopting the same.
	adopting chan struct{}
	// batches are the changes of groups. Not every application can make two at the same time without losing one.
	batches batches
}

// learned is what the application turned out to do, whatever it says. The zero value means that nothing is known yet.
type learned struct {
	// findsMark says whether a filter on externalId finds what is there.
	findsMark answer
	// mixedUp is how many answers to filters were others alone, since the last that was not.
	mixedUp atomic.Int32
	// showsGroups says whether users have the attribute groups.
	showsGroups answer
	// noPatch says that PATCH is refused.
	noPatch atomic.Bool
	// folds says that names are stored in another case than they are sent in.
	folds atomic.Bool
	// removal is how a member is removed, and ignored how often that was taken no notice of.
	removal, ignored atomic.Int32
}

// answer is yes, no, or not known yet.
type answer struct{ atomic.Int32 }

func (a *answer) isYes() bool { return a.Load() > 0 }
func (a *answer) isNo() bool  { return a.Load() < 0 }

func (a *answer) set(yes bool) {
	if yes {
		a.Store(1)
		return
	}
	a.Store(-1)
}

// Open returns a connector for that application. It makes no request; use Probe to see whether it works. A configuration that cannot work
// is Invalid.
func Open(_ context.Context, cfg Config) (connector.Connector, error) {
	if cfg.RolesAs == "" {
		cfg.RolesAs = Groups
	}
	if cfg.Suspension == "" {
		cfg.Suspension = Deactivate
	}
	cfg.Roles = slices.Clone(cfg.Roles)
	if err := validate(cfg); err != nil {
		return nil, err
	}
	client, err := outbound.Open(cfg.Endpoint)
	if err != nil {
		return nil, err
	}
	return &Connector{
		config: cfg, http: client, features: newMemo[features](featuresTTL), groups: newMemo[map[string]string](groupsTTL), adopting: make(chan struct{}, 1),
	}, nil
}

// Close lets go of idle connections.
func (c *Connector) Close() error { return c.http.Close() }

func validate(cfg Config) error {
	if !slices.Contains([]RolesAs{Groups, RolesAttribute}, cfg.RolesAs) || !slices.Contains([]Suspension{Deactivate, Delete}, cfg.Suspension) {
		return connector.Invalidf("what roles are, or how accounts are suspended, is not known")
	}
	names, things := map[string]bool{}, map[string]bool{}
	for _, role := range cfg.Roles {
		switch thing := role.thing(cfg.RolesAs); {
		case role.Name == "" || strings.HasPrefix(role.Name, connector.DamagedPrefix):
			return connector.Invalidf("role %q: the name is empty or begins with %q", role.Name, connector.DamagedPrefix)
		case names[role.Name]:
			return connector.Invalidf("role %q is there twice", role.Name)
		case things[thing]:
			return connector.Invalidf("role %q is the same as another role in the application", role.Name)
		default:
			names[role.Name], things[thing] = true, true
		}
	}
	return nil
}

// thing is what the role is in the application.
func (r Role) thing(as RolesAs) string {
	switch {
	case as == RolesAttribute:
		return r.value()
	case r.GroupID != "":
		return fmt.Sprintf("group with id %q", r.GroupID)
	}
	return fmt.Sprintf("group %q", r.group())
}

func (r Role) value() string { return or(r.Value, r.Name) }

func (r Role) group() string { return or(r.Group, r.Name) }

// or returns value, unless it is the zero value.
func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// role returns the role of that name.
func (c *Connector) role(name string) (Role, bool) {
	i := slices.IndexFunc(c.config.Roles, func(r Role) bool { return r.Name == name })
	if i < 0 {
		return Role{}, false
	}
	return c.config.Roles[i], true
}
