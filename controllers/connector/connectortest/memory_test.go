// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

const canary = "canary-s3cr3t"

func TestMemoryConforms(t *testing.T) {
	Run(t, memorySubject(func(m *Memory) connector.Connector { return m }))
}

// memorySubject describes the reference connector, seen through wrap.
func memorySubject(wrap func(*Memory) connector.Connector) Subject {
	fresh := func() *Memory { return NewMemory("admin", "editor", "viewer") }
	failing := func(err error) func(testing.TB) connector.Connector {
		return func(testing.TB) connector.Connector {
			m := fresh()
			m.Fail(err)
			return wrap(m)
		}
	}
	secret := fmt.Errorf("password %s", canary)
	return Subject{
		Secrets: []string{canary},
		Many:    150,
		New:     func(testing.TB) System { m := fresh(); return memorySystem(m, wrap(m)) },
		Failing: map[connector.Kind]func(testing.TB) connector.Connector{
			connector.KindDenied:      failing(connector.Deniedf("the credential is refused").Because(secret)),
			connector.KindUnavailable: failing(connector.Unavailablef(time.Second, "nobody answers").Because(secret)),
		},
		Hanging: func(testing.TB) (connector.Connector, <-chan struct{}) {
			m := fresh()
			reached := m.Hang()
			return wrap(m), reached
		},
		Truncated: func(testing.TB) connector.Connector {
			m := fresh()
			for i := range 2 * pageSize {
				m.Put(connector.Account{ExternalID: strconv.Itoa(i)})
			}
			m.TruncateList(pageSize + 1)
			return wrap(m)
		},
	}
}

func memorySystem(m *Memory, conn connector.Connector) System {
	damage := func(change func(*connector.Account)) func(testing.TB, connector.Account) {
		return func(t testing.TB, acct connector.Account) {
			stored := m.Get(acct.UserName)
			if stored == nil {
				t.Fatal("nothing to damage")
			}
			change(stored)
			m.Put(*stored)
		}
	}
	return System{
		Connector: conn,
		Roles:     m.roles,
		Profile:   map[string]string{"title": "Dr"},
		Unmarked:  m.unmarked,
		Keys:      []connector.Key{connector.KeyUserName, connector.KeyEmail, connector.KeyExternalID},
		Shared:    []connector.Key{connector.KeyUserName, connector.KeyEmail, connector.KeyExternalID},
		Open: func(_ testing.TB, acct connector.Account) func() bool {
			m.OpenSession(acct.UserName)
			m.IssueToken(acct.UserName)
			return func() bool { return m.Sessions(acct.UserName) > 0 || m.Tokens(acct.UserName) > 0 }
		},
		Writes:          m.Writes,
		Faults:          m.faults(),
		CountOf:         func(_ testing.TB, userName string) int { return m.countOf(userName) },
		Calls:           func() int { return m.Count() },
		MostConnections: m.MostAtOnce,
		MaxConnections:  100, // as many as ManyAtOnce has
		HasAccess: func(_ testing.TB, userName, role string) bool {
			a := m.Get(userName)
			return a != nil && a.State == connector.Active && slices.Contains(a.Roles, role)
		},
		Damage: map[string]func(testing.TB, connector.Account){
			"name":           damage(func(a *connector.Account) { a.UserName += "x" }),
			"state":          damage(func(a *connector.Account) { a.State = connector.Suspended }),
			"role missing":   damage(func(a *connector.Account) { a.Roles = a.Roles[:1] }),
			"role too many":  damage(func(a *connector.Account) { a.Roles = m.roles }),
			"attribute":      damage(func(a *connector.Account) { a.Profile["title"] = "Mr" }),
			"attribute gone": damage(func(a *connector.Account) { a.Profile = nil }),
		},
		Foreign: map[string]Foreign{
			"unmarked":      {Create: m.foreign(""), Conflicts: true},
			"other account": {Create: m.foreign("suite/somebody-else"), Conflicts: true},
		},
	}
}

func (m *Memory) unmarked(_ testing.TB, like connector.Account) func() string {
	id := "unmarked-" + like.Owner
	like.Owner, like.ExternalID = "", id
	m.Put(like)
	return func() string {
		return describe(new(with(m.Accounts()[id], func(a *connector.Account) { a.Owner = "" })))
	}
}

func (m *Memory) foreign(owner string) func(testing.TB, connector.Account) func() string {
	return func(_ testing.TB, like connector.Account) func() string {
		id := "foreign-" + owner + like.Owner
		m.Put(connector.Account{Owner: owner, ExternalID: id, UserName: like.UserName, State: connector.Active, Roles: []string{"viewer"}})
		return func() string { return fmt.Sprintf("%+v", m.Accounts()[id]) }
	}
}
