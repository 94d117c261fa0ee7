// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest/faults"
	ldapapp "github.com/scim-operator/scim-operator/hack/apps/ldap"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

const canary = "canary-t0ken-do-not-tell"

// TestConformance runs the suite on a real slapd, as somebody with exactly the documented rights.
func TestConformance(t *testing.T) {
	w := inWorld(t)
	connectortest.Run(t, w.subject(nil))
}

// TestConformanceOfMoveToOU is the same with the other way to suspend that OpenLDAP has.
func TestConformanceOfMoveToOU(t *testing.T) {
	w := inWorld(t)
	subject := w.subject(func(cfg *Config) {
		cfg.Suspension = Suspension{Type: MoveToOU, SuspendedDN: ldapapp.SuspendedDN}
	})
	// What can go wrong on the way is the same for both, and TestConformance tries that.
	all := subject.New
	subject.New = func(t testing.TB) connectortest.System {
		system := all(t)
		system.Faults = nil
		return system
	}
	connectortest.Run(t, subject)
}

func (w world) subject(change func(*Config)) connectortest.Subject {
	credential, _ := w.Credential()
	return connectortest.Subject{
		Secrets: []string{canary, string(credential[keyPassword])},
		New: func(t testing.TB) connectortest.System {
			r := newRelay(t, w)
			proxy, err := faults.Listen(cluster.FreeAddress(t), r.listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			conn := openWith(t, w.config(func(cfg *Config) {
				cfg.URL = "ldaps://" + proxy.Address()
				if change != nil {
					change(cfg)
				}
			}))
			t.Cleanup(func() { _ = proxy.Close() })
			return connectortest.System{
				Faults: proxy.Faults(), Calls: r.Calls, MostConnections: func() int { return proxy.Counts().Most }, MaxConnections: defaultConnections,
				Connector: conn, Roles: ldapapp.GroupNames(), Profile: profile(), Writes: r.Writes,
				HasAccess: w.hasAccess, Damage: w.damages(conn), Foreign: w.foreigners(), Unmarked: w.unmarked,
				Keys:   []connector.Key{connector.KeyUserName, connector.KeyEmail, connector.KeyExternalID},
				Shared: []connector.Key{connector.KeyEmail, connector.KeyExternalID},
			}
		},
		Truncated: func(t testing.TB) connector.Connector {
			r := newRelay(t, w)
			entries := 0
			r.intercept(func(tag ber.Tag, _ *ber.Packet) fate {
				if tag == ldapv3.ApplicationSearchResultEntry {
					entries++
				}
				if entries > 8 {
					return cutOff
				}
				return passOn
			})
			return openWith(t, w.config(func(cfg *Config) { cfg.URL = r.url() }))
		},
		Failing: map[connector.Kind]func(testing.TB) connector.Connector{
			connector.KindDenied: func(t testing.TB) connector.Connector {
				return openWith(t, w.config(func(cfg *Config) {
					cfg.Credential = map[string][]byte{keyUserName: []byte(ldapapp.ControllerDN), keyPassword: []byte(canary), "ca.crt": w.Authority}
				}))
			},
			connector.KindUnavailable: func(t testing.TB) connector.Connector {
				return openWith(t, w.config(func(cfg *Config) { cfg.URL = "ldaps://" + cluster.FreeAddress(t) }))
			},
		},
		Hanging: w.hanging,
	}
}

// hanging is a connector to something that accepts connections and says nothing.
func (w world) hanging(t testing.TB) (connector.Connector, <-chan struct{}) {
	address := cluster.FreeAddress(t)
	return openWith(t, w.config(func(cfg *Config) { cfg.URL = "ldap://" + address })), faults.Silence(t, address)
}

// damages break an account that has the roles auditor and reader.
func (w world) damages(conn *Connector) map[string]func(testing.TB, connector.Account) {
	change := func(changes ...change) func(testing.TB, connector.Account) {
		return func(t testing.TB, acct connector.Account) {
			w.admin(t, func(admin *ldapv3.Conn) error {
				e := w.raw(t, ldapapp.Suffix, conn.markFilter(acct.Owner))
				at, _ := parseDN(e.DN)
				return admin.Modify(step{at: at, changes: changes}.modification(nil))
			})
		}
	}
	group := func(name string, operation uint) func(testing.TB, connector.Account) {
		return func(t testing.TB, acct connector.Account) {
			w.admin(t, func(admin *ldapv3.Conn) error {
				e := w.raw(t, ldapapp.Suffix, conn.markFilter(acct.Owner))
				at, _ := parseDN("cn=" + name + "," + ldapapp.GroupsDN)
				return admin.Modify(step{at: at, changes: damage(operation, "member", e.DN)}.modification(nil))
			})
		}
	}
	damages := map[string]func(testing.TB, connector.Account){
		"another displayName":         change(damage(ldapv3.ReplaceAttribute, "displayName", "Mallory")...),
		"no address":                  change(damage(ldapv3.DeleteAttribute, "mail")...),
		"a second address":            change(damage(ldapv3.AddAttribute, "mail", "mallory@example.com")...),
		"another employee number":     change(damage(ldapv3.ReplaceAttribute, "employeeNumber", "1")...),
		"a second login name":         change(damage(ldapv3.AddAttribute, "uid", "admin")...),
		"out of a group":              group("reader", ldapv3.DeleteAttribute),
		"in a group that is not ours": group("writer", ldapv3.AddAttribute),
		"another name": func(t testing.TB, acct connector.Account) {
			w.admin(t, func(admin *ldapv3.Conn) error {
				e := w.raw(t, ldapapp.Suffix, conn.markFilter(acct.Owner))
				return admin.ModifyDN(ldapv3.NewModifyDNRequest(e.DN, rdnOf("uid", "mallory-"+acct.UserName), true, ""))
			})
		},
	}
	if conn.Suspension.Type == PasswordPolicyLock {
		damages["locked"] = change(damage(ldapv3.ReplaceAttribute, attributeLocked, lockedForGood)...)
	} else {
		damages["among the suspended"] = func(t testing.TB, acct connector.Account) {
			w.admin(t, func(admin *ldapv3.Conn) error {
				e := w.raw(t, ldapapp.Suffix, conn.markFilter(acct.Owner))
				return admin.ModifyDN(ldapv3.NewModifyDNRequest(e.DN, rdnOf("uid", acct.UserName), true, ldapapp.SuspendedDN))
			})
		}
	}
	return damages
}

func damage(operation uint, attribute string, values ...string) []change {
	return []change{{operation, attribute, values}}
}

// foreigners are entries of others. Each is created for a wish for the roles auditor and reader.
func (w world) foreigners() map[string]connectortest.Foreign {
	foreign := func(conflicts bool, edit func(like connector.Account, add *ldapv3.AddRequest)) connectortest.Foreign {
		return connectortest.Foreign{Conflicts: conflicts, Create: func(t testing.TB, like connector.Account) func() string {
			add := personEntry(like)
			edit(like, add)
			w.admin(t, func(admin *ldapv3.Conn) error { return admin.Add(add) })
			id := w.raw(t, add.DN, "(objectClass=*)").GetAttributeValue(attributeUUID)
			return func() string { return w.state(t, equals(attributeUUID, id)) }
		}}
	}
	elsewhere := func(_ connector.Account, add *ldapv3.AddRequest) { add.DN = "cn=elsewhere+" + add.DN }
	mark := func(value func(owner string) []string) func(connector.Account, *ldapv3.AddRequest) {
		return func(like connector.Account, add *ldapv3.AddRequest) { add.Attribute("description", value(like.Owner)) }
	}
	another := func(like connector.Account, add *ldapv3.AddRequest) {
		add.DN = rdnOf("uid", "other-"+like.UserName) + "," + ldapapp.PeopleDN
		add.Attributes[1].Vals = []string{"other-" + like.UserName}
	}
	return map[string]connectortest.Foreign{
		"our name, no mark":        foreign(true, mark(func(string) []string { return []string{"by hand"} })),
		"our name, another's mark": foreign(true, mark(func(string) []string { return []string{"scim-operator:other/account"} })),
		"our name, both marks": foreign(true, mark(func(owner string) []string {
			return []string{"scim-operator:other/account", "scim-operator:" + owner}
		})),
		"our login, another place": foreign(true, elsewhere),
		"our name, half a mark":    foreign(true, mark(func(owner string) []string { return []string{"scim-operator:" + owner + "x"} })),
		"another name, half a mark": foreign(false, func(like connector.Account, add *ldapv3.AddRequest) {
			another(like, add)
			add.Attribute("description", []string{"x scim-operator:" + like.Owner, "scim-operator"})
		}),
		"another name, same address": foreign(false, another),
		"out of the base": foreign(false, func(_ connector.Account, add *ldapv3.AddRequest) {
			add.DN = add.DN[:len(add.DN)-len(ldapapp.PeopleDN)] + "ou=services," + ldapapp.Suffix
		}),
	}
}

// personEntry is the entry that somebody would make by hand for an account.
func personEntry(like connector.Account) *ldapv3.AddRequest {
	add := ldapv3.NewAddRequest(rdnOf("uid", like.UserName)+","+ldapapp.PeopleDN, nil)
	add.Attribute("objectClass", []string{"inetOrgPerson"})
	add.Attribute("uid", []string{like.UserName})
	add.Attribute("cn", []string{"elsewhere"})
	add.Attribute("sn", []string{"by hand"})
	for attribute, name := range map[string]string{"displayName": "displayName", "mail": AttributeEmail, "employeeNumber": AttributeExternalID, "title": "title"} {
		if value := like.Profile[name]; value != "" {
			add.Attribute(attribute, []string{value})
		}
	}
	return add
}

// unmarked makes an account as an administrator would.
func (w world) unmarked(t testing.TB, like connector.Account) func() string {
	add := personEntry(like)
	w.admin(t, func(admin *ldapv3.Conn) error {
		if err := admin.Add(add); err != nil {
			return err
		}
		for _, role := range like.Roles {
			at, _ := parseDN("cn=" + role + "," + ldapapp.GroupsDN)
			if err := admin.Modify(step{at: at, changes: damage(ldapv3.AddAttribute, "member", add.DN)}.modification(nil)); err != nil {
				return err
			}
		}
		return nil
	})
	id := w.raw(t, add.DN, "(objectClass=*)").GetAttributeValue(attributeUUID)
	return func() string {
		return w.state(t, equals(attributeUUID, id), "description", "modifyTimestamp", "entryCSN", "modifiersName")
	}
}
