// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest/faults"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

// TestConformance runs the suite on a real server, as a role with exactly the documented rights.
func TestConformance(t *testing.T) {
	app := server(t)
	connectortest.Run(t, connectortest.Subject{
		Secrets: []string{canary, string(configOf(app).Credential[KeyPassword])},
		New: func(t testing.TB) connectortest.System {
			counted, proxy := &counter{}, throughProxy(t)
			cfg := configOf(app)
			cfg.Port = portOf(t, proxy.Address())
			return connectortest.System{
				Connector: openWith(t, cfg, counted),
				Faults:    proxy.Faults(),
				Calls:     func() int { return int(counted.trips.Load()) },
				// The proxy sees what the pool does not tell: connections that are being opened or closed.
				MostConnections: func() int { return proxy.Counts().Most }, MaxConnections: defaultConnections,
				Roles:     []string{"auditor", "reader", "writer"},
				Profile:   map[string]string{setting: "suite"},
				Writes:    func() int { return int(counted.changes.Load()) },
				HasAccess: hasAccess,
				Damage:    damages(),
				Foreign:   foreigners(),
				Unmarked:  byHand,
				Keys:      []connector.Key{connector.KeyUserName},
				Open:      openSession,
			}
		},
		Truncated: truncated,
		Failing: map[connector.Kind]func(testing.TB) connector.Connector{
			connector.KindDenied: func(t testing.TB) connector.Connector {
				cfg := configOf(app)
				cfg.Credential = map[string][]byte{KeyUserName: []byte("scim_operator"), KeyPassword: []byte(canary), "ca.crt": cfg.Credential["ca.crt"]}
				return openWith(t, cfg, nil)
			},
			connector.KindUnavailable: func(t testing.TB) connector.Connector {
				cfg := configOf(app)
				cfg.Port = int32(cluster.FreePort(t))
				return openWith(t, cfg, nil)
			},
		},
		Hanging: func(t testing.TB) (connector.Connector, <-chan struct{}) {
			cfg, port := configOf(app), cluster.FreePort(t)
			cfg.Port = int32(port)
			return openWith(t, cfg, nil), faults.Silence(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		},
	})
}

// throughProxy stands between a connector and the server. All else reaches the server without it.
func throughProxy(t testing.TB) *faults.Proxy {
	t.Helper()
	proxy, err := faults.Listen(cluster.FreeAddress(t), fmt.Sprintf("127.0.0.1:%d", server(t).Port()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	return proxy
}

func portOf(t testing.TB, address string) int32 {
	t.Helper()
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return int32(parsed.Port())
}

// hasAccess logs in as the user and tries. The administrator gives whoever has a role a password.
func hasAccess(t testing.TB, userName, role string) bool {
	t.Helper()
	app := server(t)
	if there, err := app.Exists(t.Context(), userName); err != nil || !there {
		return false
	}
	if err := app.Welcome(t.Context(), userName); err != nil {
		t.Fatal(err)
	}
	has, err := app.Can(t.Context(), userName, role)
	if err != nil {
		t.Fatal(err)
	}
	return has
}

func openSession(t testing.TB, acct connector.Account) func() bool {
	t.Helper()
	app := server(t)
	if err := app.Welcome(t.Context(), acct.UserName); err != nil {
		t.Fatal(err)
	}
	alive, err := app.Open(t.Context(), acct.UserName)
	if err != nil {
		t.Fatal(err)
	}
	return func() bool { return alive(context.WithoutCancel(t.Context())) }
}

// state is everything about a role but the end of its comment.
const state = `select concat_ws('|', r.oid, r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication, r.rolbypassrls,
	r.rolconnlimit, r.rolvaliduntil, r.rolconfig::text, r.rolpassword,
	(select string_agg(concat_ws(',', m.roleid, m.grantor, m.admin_option), ';' order by m.roleid) from pg_auth_members m where m.member = r.oid),
	regexp_replace(coalesce(shobj_description(r.oid, 'pg_authid'), ''), ' ?scim-operator.dev/owner=test/.*|^scim-operator.dev/owner=suite/.*| scim-operator.dev/owner=suite/.*', ''))
from (select a.*, s.setconfig as rolconfig from pg_authid a left join pg_db_role_setting s on s.setrole = a.oid and s.setdatabase = 0) r where r.oid = $1`

func stateOf(t testing.TB, userName string) func() string {
	t.Helper()
	oid := ask[uint32](t, "select oid from pg_roles where rolname = $1", userName)
	return func() string { return ask[string](t, state, oid) }
}

// byHand makes an account as a database administrator would.
func byHand(t testing.TB, like connector.Account) func() string {
	t.Helper()
	admin(t, "CREATE ROLE %s LOGIN CONNECTION LIMIT 7", like.UserName)
	admin(t, "COMMENT ON ROLE %s IS 'of the finance team'", like.UserName)
	admin(t, "ALTER ROLE %s SET application_name TO "+literal(like.Profile[setting]), like.UserName)
	for _, role := range like.Roles {
		admin(t, "GRANT %s TO %s", role+"s", like.UserName)
	}
	if server(t).Version() >= grantorsSince {
		admin(t, "GRANT %s TO scim_operator WITH ADMIN OPTION, INHERIT FALSE, SET FALSE", like.UserName)
	}
	return stateOf(t, like.UserName)
}

// damages break an account that has the roles auditor and reader.
func damages() map[string]func(testing.TB, connector.Account) {
	// Since PostgreSQL 16 only the grantor takes back what was granted, so it is done in our name.
	sql := func(format string) func(testing.TB, connector.Account) {
		return func(t testing.TB, acct connector.Account) {
			by := ""
			if server(t).Version() >= grantorsSince {
				by = " GRANTED BY scim_operator"
			}
			admin(t, strings.ReplaceAll(format, " BY US", by), acct.UserName)
		}
	}
	return map[string]func(testing.TB, connector.Account){
		"nologin":                    sql("ALTER ROLE %s NOLOGIN"),
		"a role gone":                sql("REVOKE readers FROM %s BY US"),
		"a role that was not wanted": sql("GRANT writers TO %s BY US"),
		"may give a role to others":  sql("GRANT readers TO %s WITH ADMIN OPTION BY US"),
		"all at once":                sql("ALTER ROLE %[1]s NOLOGIN; REVOKE readers, auditors FROM %[1]s BY US; GRANT writers TO %[1]s WITH ADMIN OPTION BY US"),
		"may make roles":             sql("ALTER ROLE %s CREATEROLE CREATEDB"),
		"another name": func(t testing.TB, acct connector.Account) {
			admin(t, "ALTER ROLE %s RENAME TO %s", acct.UserName, unique("other"))
		},
		"a setting gone":  sql("ALTER ROLE %s RESET ALL"),
		"another setting": sql("ALTER ROLE %s SET application_name TO 'x'"),
		"its owner put it away": func(t testing.TB, acct connector.Account) {
			oid := ask[uint32](t, "select oid from pg_roles where rolname = $1", acct.UserName)
			admin(t, "DROP ROLE %s", ask[string](t, "select rolname from pg_roles where oid = $1", oid))
		},
	}
}

// foreigners are roles of others, where ours would be or close by.
func foreigners() map[string]connectortest.Foreign {
	foreign := func(conflicts bool, name func(connector.Account) string, statements ...string) connectortest.Foreign {
		return connectortest.Foreign{Conflicts: conflicts, Create: func(t testing.TB, like connector.Account) func() string {
			for _, statement := range statements {
				admin(t, strings.ReplaceAll(statement, "OWNER", like.Owner), name(like))
			}
			return stateOf(t, name(like))
		}}
	}
	same := func(like connector.Account) string { return like.UserName }
	lower := func(like connector.Account) string { return strings.ToLower(like.UserName) }
	return map[string]connectortest.Foreign{
		"same name, no mark":        foreign(true, same, "CREATE ROLE %s LOGIN IN ROLE readers, auditors"),
		"same name, a group":        foreign(true, same, "CREATE ROLE %s"),
		"same name, another owner":  foreign(true, same, "CREATE ROLE %s LOGIN", "COMMENT ON ROLE %s IS 'scim-operator.dev/owner=OWNER2'"),
		"same name, owner's prefix": foreign(true, same, "CREATE ROLE %s LOGIN", "COMMENT ON ROLE %s IS 'scim-operator.dev/owner='"),
		"same name, mark in the middle": foreign(true, same, "CREATE ROLE %s LOGIN",
			"COMMENT ON ROLE %s IS 'was scim-operator.dev/owner=OWNER until May'"),
		"same name, mark behind another word": foreign(true, same, "CREATE ROLE %s LOGIN", "COMMENT ON ROLE %s IS 'xscim-operator.dev/owner=OWNER'"),
		"same name, a superuser":              foreign(true, same, "CREATE ROLE %s LOGIN SUPERUSER"),
		"the name in lower case":              foreign(false, lower, "CREATE ROLE %s LOGIN IN ROLE readers"),
	}
}

// truncated is a connector whose connection breaks in the middle of a list.
func truncated(t testing.TB) connector.Connector {
	cfg := configOf(server(t))
	dial := cfg.Dial
	cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return &breaking{Conn: conn}, err
	}
	conn := openWith(t, cfg, nil)
	conn.page = 3
	return conn
}

// breaking is a connection that breaks after it was asked for two pages.
type breaking struct {
	net.Conn
	pages int
}

func (b *breaking) Write(what []byte) (int, error) {
	// TLS hides what is said, so the records behind the handshake are counted: the password, and then one for each page.
	if b.pages++; b.pages > 8 {
		return 0, errors.Join(errors.New("connection reset by peer"), b.Close())
	}
	return b.Conn.Write(what)
}
