// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
)

// MemberAttribute is how groups list their members.
type MemberAttribute string

const (
	// Member holds DNs, as groupOfNames and Active Directory's groups do.
	Member MemberAttribute = "member"
	// UniqueMember holds DNs, as groupOfUniqueNames does.
	UniqueMember MemberAttribute = "uniqueMember"
	// MemberUID holds login names, as posixGroup does.
	MemberUID MemberAttribute = "memberUid"
)

// SuspensionType is how an account is suspended.
type SuspensionType string

const (
	// PasswordPolicyLock locks the entry by pwdAccountLockedTime. A password policy with pwdLockout TRUE must be in force for it.
	PasswordPolicyLock SuspensionType = "PasswordPolicyLock"
	// UserAccountControl disables the entry as Active Directory does.
	UserAccountControl SuspensionType = "UserAccountControl"
	// MoveToOU moves the entry to another place, where nobody can bind.
	MoveToOU SuspensionType = "MoveToOU"
)

// The attributes of an account's Profile that stand for something other than a mapped attribute.
const (
	// AttributeParentDN is the DN of the entry that an account's is below; empty means BaseDN.
	AttributeParentDN = "parentDN"
	// AttributeUserName is what a Mapping takes the login name from. It is not a part of the Profile.
	AttributeUserName = "userName"
	// AttributeEmail and AttributeExternalID are those that accounts can be found by.
	AttributeEmail      = "email"
	AttributeExternalID = "externalId"
)

const (
	defaultTimeout     = 15 * time.Second
	defaultConnections = 4
	defaultPageSize    = 500
)

// Role says what a role of the application is in the directory.
type Role struct {
	// Name is the role's name in the application, which accounts want. It must not begin with connector.DamagedPrefix.
	Name string
	// GroupDN is the group's entry. It must exist when the role is given.
	GroupDN string
	// Placeholder is the member that a group keeps which must not be empty. The default is the group's own DN, as which nobody can bind.
	Placeholder string
}

// Mapping says where an attribute of an account goes.
type Mapping struct {
	// Name is that of the attribute in the account's Profile, or AttributeUserName.
	Name string
	// Attribute is the entry's, with a single value.
	Attribute string
}

// StaticAttribute is what every entry gets when it is made.
type StaticAttribute struct {
	Attribute string
	Values    []string
}

// Suspension says how an account is suspended.
type Suspension struct {
	// Type is the way; the default is PasswordPolicyLock.
	Type SuspensionType
	// SuspendedDN is where MoveToOU moves entries to. It does not lie below BaseDN.
	SuspendedDN string
	// PolicyDN is the password policy that Probe reads, for PasswordPolicyLock. Empty means that nobody checks.
	PolicyDN string
}

// DialFunc connects, and decides what may be connected to.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Config is everything that the connector is opened with.
type Config struct {
	// URL is ldaps://host[:port], or ldap://host[:port], which is upgraded by StartTLS.
	URL string
	// AllowPlaintext lets ldap:// do without StartTLS.
	AllowPlaintext bool
	// Credential has the keys "username", a DN, and "password", or a client certificate as outbound.TLSConfig knows it, for SASL EXTERNAL.
	// "ca.crt" are the only authorities that are trusted, if it is there.
	Credential map[string][]byte
	// Dial connects. The default is a zero egress.Policy.
	Dial DialFunc
	// Timeout bounds each request, MaxConnections how many run at a time, and PageSize how many entries a page of a list has.
	Timeout        time.Duration
	MaxConnections int
	PageSize       int

	// BaseDN is what the accounts' entries are below of, and what new ones are put right below unless they want a parentDN.
	BaseDN string
	// ObjectClasses are those of a new entry.
	ObjectClasses []string
	// UserNameAttribute has the login name; the default is uid. RDNAttribute names the entry: it is UserNameAttribute, which is the
	// default, or a mapped attribute.
	UserNameAttribute, RDNAttribute string
	// MarkAttribute has the mark; the default is description.
	MarkAttribute string
	// Mapped and Static are further attributes.
	Mapped []Mapping
	Static []StaticAttribute
	// Suspension says how an account is suspended.
	Suspension Suspension
	// MemberAttribute is how the groups of all Roles list their members; the default is Member.
	MemberAttribute MemberAttribute
	// Roles are all that accounts can have here. Names and groups are unique.
	Roles []Role
}

// role is a Role whose DNs are read.
type role struct {
	name        string
	group       dn
	placeholder string
}

// settings are a Config with its defaults, and its names read.
type settings struct {
	Config
	address, host string
	isTLS         bool
	base          dn
	suspended     dn // only of MoveToOU
	binder        dn // who we are; empty if that is a certificate
	roles         []role
}

// Connector implements connector.Connector and most of what one can be beside.
type Connector struct {
	settings
	pool   *pool
	server server
}

// Open returns a connector for that directory. It makes no request; use Probe to see whether it works. A configuration that cannot work
// is Invalid.
func Open(_ context.Context, cfg Config) (connector.Connector, error) {
	return open(cfg)
}

func open(cfg Config) (*Connector, error) {
	s, err := read(withDefaults(cfg))
	if err != nil {
		return nil, err
	}
	dialer, err := newDialer(s)
	if err != nil {
		return nil, err
	}
	return &Connector{settings: s, pool: newPool(dialer, s.MaxConnections)}, nil
}

// Close lets go of idle connections, and of the others as soon as they are.
func (c *Connector) Close() error {
	c.pool.close()
	return nil
}

func withDefaults(cfg Config) Config {
	set(&cfg.Timeout, defaultTimeout)
	set(&cfg.MaxConnections, defaultConnections)
	set(&cfg.PageSize, defaultPageSize)
	set(&cfg.UserNameAttribute, "uid")
	set(&cfg.RDNAttribute, cfg.UserNameAttribute)
	set(&cfg.MarkAttribute, "description")
	set(&cfg.MemberAttribute, Member)
	set(&cfg.Suspension.Type, PasswordPolicyLock)
	if cfg.Dial == nil {
		cfg.Dial = egress.Policy{}.DialContext
	}
	return cfg
}

// set puts a default where nothing is.
func set[V comparable](field *V, value V) {
	var nothing V
	if *field == nothing {
		*field = value
	}
}

func read(cfg Config) (settings, error) {
	s := settings{Config: cfg}
	if err := s.readURL(); err != nil {
		return s, err
	}
	base, ok := parseDN(cfg.BaseDN)
	if !ok || base.key == "" {
		return s, connector.Invalidf("the baseDN is not a distinguished name")
	}
	s.base = base
	s.binder, _ = parseDN(string(cfg.Credential[keyUserName]))
	if err := s.checkAttributes(); err != nil {
		return s, err
	}
	if err := s.readSuspension(); err != nil {
		return s, err
	}
	return s, s.readRoles()
}

func (s *settings) readURL() error {
	parsed, err := url.Parse(s.URL)
	if err != nil || parsed.Hostname() == "" || parsed.User != nil || parsed.Path != "" || parsed.RawQuery != "" || parsed.Fragment != "" {
		return connector.Invalidf("the url is not one of scheme, host and port alone")
	}
	port := map[string]string{"ldap": "389", "ldaps": "636"}[parsed.Scheme]
	if port == "" {
		return connector.Invalidf("the url begins with neither ldaps:// nor ldap://")
	}
	if parsed.Port() != "" {
		port = parsed.Port()
	}
	s.host, s.address, s.isTLS = parsed.Hostname(), net.JoinHostPort(parsed.Hostname(), port), parsed.Scheme == "ldaps"
	return nil
}

// readSuspension refuses a place for the suspended where people look for those who are not.
func (s *settings) readSuspension() error {
	switch s.Suspension.Type {
	case PasswordPolicyLock, UserAccountControl:
		return nil
	case MoveToOU:
		suspended, ok := parseDN(s.Suspension.SuspendedDN)
		if !ok || suspended.key == "" {
			return connector.Invalidf("the suspendedDN is not a distinguished name")
		}
		if suspended.within(s.base) || s.base.within(suspended) {
			return connector.Invalidf("the suspendedDN and the baseDN must lie beside each other")
		}
		s.suspended = suspended
		return nil
	}
	return connector.Invalidf("the suspension %q is not known", s.Suspension.Type)
}

func (s *settings) readRoles() error {
	if !slices.Contains([]MemberAttribute{Member, UniqueMember, MemberUID}, s.MemberAttribute) {
		return connector.Invalidf("the memberAttribute %q is not known", s.MemberAttribute)
	}
	names, groups := map[string]bool{}, map[string]bool{}
	for _, r := range s.Roles {
		group, ok := parseDN(r.GroupDN)
		switch {
		case r.Name == "" || strings.HasPrefix(r.Name, connector.DamagedPrefix):
			return connector.Invalidf("role %q: the name is empty or begins with %q", r.Name, connector.DamagedPrefix)
		case !ok || group.key == "":
			return connector.Invalidf("role %q: the groupDN is not a distinguished name", r.Name)
		case names[r.Name] || groups[group.key]:
			return connector.Invalidf("role %q: the name or the group is there twice", r.Name)
		}
		names[r.Name], groups[group.key] = true, true
		placeholder := r.Placeholder
		set(&placeholder, r.GroupDN)
		s.roles = append(s.roles, role{name: r.Name, group: group, placeholder: placeholder})
	}
	return nil
}

func (s *settings) checkAttributes() error {
	all := []string{s.UserNameAttribute, s.RDNAttribute, s.MarkAttribute}
	used := map[string]bool{"objectclass": true, "userpassword": true, strings.ToLower(attributeLocked): true}
	used[strings.ToLower(s.UserNameAttribute)] = true
	if used[strings.ToLower(s.MarkAttribute)] {
		return connector.Invalidf("the markAttribute %q is used for something else", s.MarkAttribute)
	}
	used[strings.ToLower(s.MarkAttribute)] = true
	for _, m := range s.Mapped {
		key := strings.ToLower(m.Attribute)
		if used[key] || key == strings.ToLower(attributeControl) || m.Name == AttributeParentDN {
			return connector.Invalidf("the attribute %q is there twice, or cannot be mapped", m.Attribute)
		}
		used[key] = true
		all = append(all, m.Attribute)
	}
	for _, static := range s.Static {
		if key := strings.ToLower(static.Attribute); used[key] || key == "objectclass" || len(static.Values) == 0 {
			return connector.Invalidf("the static attribute %q is mapped too, or has no value", static.Attribute)
		}
		all = append(all, static.Attribute)
	}
	for _, name := range all {
		if !isAttribute(name) {
			return connector.Invalidf("%q cannot be the name of an attribute", name)
		}
	}
	if len(s.ObjectClasses) == 0 {
		return connector.Invalidf("there are no objectClasses")
	}
	if !strings.EqualFold(s.RDNAttribute, s.UserNameAttribute) && s.sourceOf(s.RDNAttribute) == "" {
		return connector.Invalidf("the rdnAttribute %q is neither the userNameAttribute nor mapped", s.RDNAttribute)
	}
	return nil
}

// sourceOf is the attribute of the account that an entry's attribute is mapped from, "" if it is not.
func (s *settings) sourceOf(attribute string) string {
	for _, m := range s.Mapped {
		if strings.EqualFold(m.Attribute, attribute) {
			return m.Name
		}
	}
	return ""
}

// isAttribute takes the short names of RFC 4512 section 1.4, which need no escaping anywhere.
func isAttribute(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return name != ""
}
