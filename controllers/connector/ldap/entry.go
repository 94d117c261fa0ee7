// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

const (
	// markPrefix begins a mark; the owner follows.
	markPrefix = "scim-operator:"
	// homePrefix begins where an entry was before MoveToOU moved it, if that is not where new ones are made.
	homePrefix = "scim-operator-home:"

	attributeLocked  = "pwdAccountLockedTime"
	attributeControl = "userAccountControl"
	attributeUUID    = "entryUUID"
	attributeGUID    = "objectGUID"

	// lockedForGood is what the password policy of draft-behera-ldap-password-policy takes for a lock that only an administrator undoes.
	lockedForGood = "000001010000Z"
	// accountDisable is ADS_UF_ACCOUNTDISABLE.
	accountDisable = 0x2
	// normalAccount is ADS_UF_NORMAL_ACCOUNT, what a new account of Active Directory has.
	normalAccount = 0x200
)

// entry is an account's entry as it is.
type entry struct {
	at dn
	// id is the ExternalID.
	id string
	// owners are whose marks it bears: one, unless somebody meddled.
	owners []string
	// home is where MoveToOU took it from, "" for where new ones are made.
	home       string
	attributes map[string][]string
}

// attributes are all that is read of an entry.
func (c *Connector) attributes() []string {
	all := []string{c.idAttribute(), c.UserNameAttribute, c.MarkAttribute}
	for _, m := range c.Mapped {
		all = append(all, m.Attribute)
	}
	if !slices.ContainsFunc(all, func(name string) bool { return strings.EqualFold(name, c.RDNAttribute) }) {
		all = append(all, c.RDNAttribute)
	}
	switch c.Suspension.Type {
	case PasswordPolicyLock:
		all = append(all, attributeLocked)
	case UserAccountControl:
		all = append(all, attributeControl)
	case MoveToOU:
	}
	return all
}

// idAttribute is that which no rename changes.
func (s *settings) idAttribute() string {
	if s.Suspension.Type == UserAccountControl {
		return attributeGUID
	}
	return attributeUUID
}

func (s *settings) entryOf(raw *ldapv3.Entry) (entry, bool) {
	at, ok := parseDN(raw.DN)
	if !ok {
		return entry{}, false
	}
	e := entry{at: at, attributes: map[string][]string{}}
	for _, a := range raw.Attributes {
		e.attributes[strings.ToLower(a.Name)] = a.Values
	}
	for _, mark := range e.values(s.MarkAttribute) {
		if owner, ok := strings.CutPrefix(mark, markPrefix); ok && owner != "" {
			e.owners = append(e.owners, owner)
		}
		if home, ok := strings.CutPrefix(mark, homePrefix); ok {
			e.home = home
		}
	}
	slices.Sort(e.owners)
	e.id = idOf(s.idAttribute(), raw.GetEqualFoldRawAttributeValue(s.idAttribute()))
	return e, true
}

// idOf is an identifier as text.
func idOf(attribute string, raw []byte) string {
	if attribute == attributeGUID {
		return formatGUID(raw)
	}
	return string(raw)
}

// formatGUID writes Active Directory's sixteen bytes as people write them: the first three groups are little-endian.
func formatGUID(b []byte) string {
	if len(b) != 16 {
		return ""
	}
	return fmt.Sprintf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%x-%x", b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8:10], b[10:16])
}

// idFilter is the filter for the entry of that id; "" if there can be none.
func (s *settings) idFilter(id string) string {
	if s.idAttribute() != attributeGUID {
		if id == "" {
			return ""
		}
		return equals(attributeUUID, id)
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil || len(raw) != 16 {
		return ""
	}
	slices.Reverse(raw[0:4])
	slices.Reverse(raw[4:6])
	slices.Reverse(raw[6:8])
	var b strings.Builder
	for _, octet := range raw {
		fmt.Fprintf(&b, `\%02x`, octet)
	}
	return "(" + attributeGUID + "=" + b.String() + ")"
}

func (e *entry) values(attribute string) []string { return e.attributes[strings.ToLower(attribute)] }

// text is an attribute as one value: several are joined, which equals none that is wanted.
func (e *entry) text(attribute string) string {
	return strings.Join(slices.Sorted(slices.Values(e.values(attribute))), ",")
}

// bears reports whether the entry is the owner's and nobody else's.
func (e *entry) bears(owner string) bool {
	return len(e.owners) == 1 && e.owners[0] == owner && owner != ""
}

// owner is whose the entry is in the eyes of want: that of somebody else, if it bears several marks.
func (e *entry) owner(want string) string {
	for _, owner := range e.owners {
		if owner != want {
			return owner
		}
	}
	if len(e.owners) == 0 {
		return ""
	}
	return e.owners[0]
}

// isLocked reports whether nobody can log in, for the reason that we suspend by.
func (s *settings) isLocked(e *entry) bool {
	switch s.Suspension.Type {
	case UserAccountControl:
		return controlOf(e)&accountDisable != 0
	case MoveToOU:
		return e.at.within(s.suspended)
	case PasswordPolicyLock:
	}
	return slices.Contains(e.values(attributeLocked), lockedForGood)
}

func controlOf(e *entry) int64 {
	flags, err := strconv.ParseInt(e.text(attributeControl), 10, 64)
	if err != nil {
		return 0
	}
	return flags
}

// state is Suspended when nothing is left to take away, if that is what is wanted, and otherwise when nobody can log in. So what is locked
// and still a member is out of sync with both.
func (s *settings) state(e *entry, roles []string, want connector.Account) connector.State {
	switch {
	case !s.isLocked(e):
		return connector.Active
	case want.State == connector.Suspended && want.Roles != nil && len(roles) > 0:
		return connector.Active
	}
	return connector.Suspended
}

// account is the entry as the contract has it. What the directory takes for equal to what is wanted is told as it is wanted.
func (s *settings) account(e *entry, roles []string, want connector.Account) connector.Account {
	return connector.Account{
		Owner: e.owner(want.Owner), ExternalID: e.id, UserName: e.text(s.UserNameAttribute),
		State: s.state(e, roles, want), Roles: roles, Profile: s.profile(e, want),
	}
}

func (s *settings) profile(e *entry, want connector.Account) map[string]string {
	profile := map[string]string{AttributeParentDN: s.parentOf(e, want), profileDN: e.at.text}
	if s.Suspension.Type == UserAccountControl {
		profile[attributeControl] = e.text(attributeControl)
	}
	for _, m := range s.Mapped {
		wanted, value := want.Profile[m.Name], e.text(m.Attribute)
		if same(value, wanted) {
			value = wanted
		}
		// Of two attributes that the same one is mapped to, the one that differs counts.
		if other, there := profile[m.Name]; m.Name != AttributeUserName && (!there || other == wanted) {
			profile[m.Name] = value
		}
	}
	return profile
}

// profileDN is where Observe leaves the entry's DN for Apply. No wish can have it.
const profileDN = "dn"

// parentOf is where the entry is, as it is wanted if that is the same.
func (s *settings) parentOf(e *entry, want connector.Account) string {
	parent := e.at.parent()
	wanted := want.Profile[AttributeParentDN]
	if wished, ok := s.parentWanted(wanted); ok && wished.is(parent) {
		return wanted
	}
	return parent.text
}

// parentWanted reads the wanted parentDN, which must lie at or below baseDN.
func (s *settings) parentWanted(text string) (dn, bool) {
	if text == "" {
		return s.base, true
	}
	parent, ok := parseDN(text)
	return parent, ok && parent.within(s.base)
}

// same reports whether the directory holds what is wanted, perhaps in other words: DNs are kept as the server writes them.
func same(value, wanted string) bool {
	if value == wanted {
		return true
	}
	if !strings.Contains(value, "=") {
		return false
	}
	is, isDN := parseDN(value)
	shall, shallBeDN := parseDN(wanted)
	return isDN && shallBeDN && is.is(shall)
}

// Keeps implements connector.Profiled.
func (c *Connector) Keeps(attribute string) bool {
	if attribute == AttributeParentDN {
		return true
	}
	return attribute != AttributeUserName && slices.ContainsFunc(c.Mapped, func(m Mapping) bool { return m.Name == attribute })
}
