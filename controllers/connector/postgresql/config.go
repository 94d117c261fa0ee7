// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"fmt"
	"math"
	"net"
	"strings"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// Keys of a credential. Each may be missing if the server does not ask for it.
const (
	// KeyUserName is the role that the connector logs in as.
	KeyUserName = "username"
	// KeyPassword is its password.
	KeyPassword = "password"
)

// TLSMode says how the server is known to be the right one.
type TLSMode string

const (
	// TLSVerifyFull wants a certificate for the host by an authority that is trusted. It is the default.
	TLSVerifyFull TLSMode = "VerifyFull"
	// TLSVerifyCA wants a certificate by an authority that is trusted, whatever host it is for.
	TLSVerifyCA TLSMode = "VerifyCA"
	// TLSRequire encrypts, and takes any certificate: whoever sits in between can be the server.
	TLSRequire TLSMode = "Require"
	// TLSDisable sends everything in clear text.
	TLSDisable TLSMode = "Disable"
)

const (
	defaultPort             = 5432
	defaultDatabase         = "postgres"
	defaultConnections      = 4
	defaultStatementTimeout = 15 * time.Second
)

// DialFunc connects to an address. It decides which addresses are allowed: see package egress.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Role says what a role of the application is in the server.
type Role struct {
	// Name is the role's name in the application, which accounts want. It must not begin with connector.DamagedPrefix.
	Name string
	// MemberOf is the role of the server that accounts become members of. Empty means Name.
	MemberOf string
}

// Config is everything that the connector is opened with.
type Config struct {
	// Host is the name or address of the server.
	Host string
	// Port of the server; zero means 5432.
	Port int32
	// Database is the one to connect to, empty means postgres. Roles belong to the whole server, whatever database is used.
	Database string
	// TLS says how the server is known; empty means TLSVerifyFull.
	TLS TLSMode
	// Roles are all that accounts can have here. Names are unique, and so are the roles of the server behind them.
	Roles []Role
	// ReassignTo is the role that gets what a deleted account owns. Empty means that an account that owns something is not deleted.
	ReassignTo string
	// MaxConnections bounds the pool; zero means 4.
	MaxConnections int32
	// StatementTimeout ends a statement that takes longer; zero means 15 s.
	StatementTimeout time.Duration
	// Credential holds the secrets by key: KeyUserName, KeyPassword, and those of outbound.TLSConfig.
	Credential map[string][]byte
	// Dial connects; nil means egress.Policy's zero value.
	Dial DialFunc
}

// validate says why the configuration cannot work.
func (cfg Config) validate() error {
	switch {
	case cfg.Host == "" || strings.HasPrefix(cfg.Host, "/") || strings.ContainsAny(cfg.Host, ",@\x00"):
		return connector.Invalidf("the host cannot be used")
	case cfg.Port < 0 || cfg.Port > math.MaxUint16:
		return connector.Invalidf("the port cannot be used")
	case len(cfg.Credential[KeyUserName]) == 0:
		return connector.Invalidf("the Secret has no %s", KeyUserName)
	case cfg.TLS != TLSVerifyFull && cfg.TLS != TLSVerifyCA && cfg.TLS != TLSRequire && cfg.TLS != TLSDisable:
		return connector.Invalidf("the TLS mode is not known")
	case problemOfName(cfg.Database) != "":
		return connector.Invalidf("the database cannot be used: its name %s", problemOfName(cfg.Database))
	case cfg.ReassignTo != "" && problemOfName(cfg.ReassignTo) != "":
		return connector.Invalidf("the role to reassign to cannot be used: its name %s", problemOfName(cfg.ReassignTo))
	}
	return validateRoles(cfg.Roles)
}

func validateRoles(roles []Role) error {
	names, members := map[string]bool{}, map[string]bool{}
	for _, role := range roles {
		switch {
		case role.Name == "" || strings.HasPrefix(role.Name, connector.DamagedPrefix):
			return connector.Invalidf("role %q: the name is empty or begins with %q", role.Name, connector.DamagedPrefix)
		case names[role.Name]:
			return connector.Invalidf("role %q is there twice", role.Name)
		case members[role.MemberOf]:
			return connector.Invalidf("role %q: another role stands for membership of %q too", role.Name, role.MemberOf)
		case problemOfName(role.MemberOf) != "":
			return connector.Invalidf("role %q: the name of the role of the server %s", role.Name, problemOfName(role.MemberOf))
		}
		names[role.Name], members[role.MemberOf] = true, true
	}
	return nil
}

// withDefaults returns the configuration with everything said that was left to us.
func (cfg Config) withDefaults() Config {
	if cfg.Port == 0 {
		cfg.Port = defaultPort
	}
	if cfg.Database == "" {
		cfg.Database = defaultDatabase
	}
	if cfg.TLS == "" {
		cfg.TLS = TLSVerifyFull
	}
	if cfg.MaxConnections <= 0 {
		cfg.MaxConnections = defaultConnections
	}
	if cfg.StatementTimeout <= 0 {
		cfg.StatementTimeout = defaultStatementTimeout
	}
	roles := make([]Role, 0, len(cfg.Roles))
	for _, role := range cfg.Roles {
		if role.MemberOf == "" {
			role.MemberOf = role.Name
		}
		roles = append(roles, role)
	}
	cfg.Roles = roles
	return cfg
}

func milliseconds(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }
