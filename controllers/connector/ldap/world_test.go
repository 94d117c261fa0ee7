// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
	"github.com/scim-operator/scim-operator/hack/apps"
	ldapapp "github.com/scim-operator/scim-operator/hack/apps/ldap"
)

// world is the real slapd that the tests of this package share, with an application that asks it.
type world struct{ *ldapapp.App }

// theWorld is started by the first test that needs it, so that the pure ones and the fuzzer do without, and stopped by TestMain.
var theWorld struct {
	once sync.Once
	app  *ldapapp.App
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if theWorld.app != nil {
		if err := theWorld.app.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func inWorld(t testing.TB) world {
	t.Helper()
	theWorld.once.Do(func() {
		started, err := ldapapp.Start(context.WithoutCancel(t.Context()), apps.Options{}) // it outlives the test that happens to be first
		if theWorld.err = err; err == nil {
			theWorld.app = started.(*ldapapp.App)
		}
	})
	if theWorld.err != nil {
		t.Fatal(theWorld.err)
	}
	return world{theWorld.app}
}

func onLoopback(ctx context.Context, network, address string) (net.Conn, error) {
	return egress.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}.DialContext(ctx, network, address)
}

// config is what the world's application is opened with; all of its names are mapped that a test may want.
func (w world) config(change func(*Config)) Config {
	credential, _ := w.Credential()
	cfg := Config{
		URL: "ldaps://" + w.TLS, Credential: credential, Dial: onLoopback, BaseDN: ldapapp.PeopleDN, ObjectClasses: []string{"inetOrgPerson"},
		Mapped: []Mapping{
			{AttributeUserName, "cn"}, {AttributeUserName, "sn"}, {"displayName", "displayName"}, {AttributeEmail, "mail"},
			{AttributeExternalID, "employeeNumber"}, {"title", "title"},
		},
		Static:     []StaticAttribute{{"employeeType", []string{"staff", "person"}}},
		Suspension: Suspension{Type: PasswordPolicyLock, PolicyDN: ldapapp.PolicyDN},
		PageSize:   3,
	}
	for _, name := range ldapapp.GroupNames() {
		cfg.Roles = append(cfg.Roles, Role{Name: name, GroupDN: "cn=" + name + "," + ldapapp.GroupsDN})
	}
	if change != nil {
		change(&cfg)
	}
	return cfg
}

func openWith(t testing.TB, cfg Config) *Connector {
	t.Helper()
	conn, err := open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

func profile() map[string]string {
	return map[string]string{"displayName": "Zoë Ödegaard", AttributeEmail: "zoe@example.com", AttributeExternalID: "0042", "title": `Head of "R&D", <Lab> #1; =x\`}
}

// person returns an account that was never there before.
func person(name string, roles ...string) connector.Account {
	id := strings.ToLower(rand.Text()[:10])
	return connector.Account{
		Owner: "test/" + name + "-" + id, UserName: name + "-" + id, State: connector.Active, Roles: append([]string{}, roles...), Profile: profile(),
	}
}

func suspended(a connector.Account) connector.Account {
	a.State = connector.Suspended
	return a
}

// hasAccess lets the person log in and asks for the role, as the application does. Who has no password yet gets one, unless they are
// locked: a new password would undo that.
func (w world) hasAccess(t testing.TB, userName, role string) bool {
	t.Helper()
	entry := w.raw(t, ldapapp.PeopleDN, equals("uid", userName))
	if entry == nil || entry.GetAttributeValue(attributeLocked) != "" && entry.GetAttributeValue("userPassword") == "" {
		return false
	}
	if entry.GetAttributeValue("userPassword") == "" {
		if err := w.Welcome(t.Context(), userName); err != nil {
			t.Fatal(err)
		}
	}
	err := w.Login(t.Context(), userName)
	if err != nil && !errors.Is(err, apps.ErrRefused) {
		t.Fatal(err)
	}
	for _, known := range w.Roles() {
		if string(known) != role {
			continue
		}
		has, roleErr := w.HasRole(t.Context(), userName, known)
		if roleErr != nil {
			t.Fatal(roleErr)
		}
		return has && err == nil
	}
	return false
}

// raw is the entry as the administrator sees it, nil if there is none.
func (w world) raw(t testing.TB, base, filter string) (entry *ldapv3.Entry) {
	t.Helper()
	w.admin(t, func(conn *ldapv3.Conn) error {
		result, err := conn.Search(ldapv3.NewSearchRequest(base, ldapv3.ScopeWholeSubtree, ldapv3.NeverDerefAliases, 0, 0, false, filter, []string{"*", "+"}, nil))
		if err != nil {
			return err
		}
		if len(result.Entries) > 1 {
			return fmt.Errorf("%d entries", len(result.Entries))
		}
		if len(result.Entries) == 1 {
			entry = result.Entries[0]
		}
		return nil
	})
	return entry
}

func (w world) admin(t testing.TB, f func(*ldapv3.Conn) error) {
	t.Helper()
	if err := w.Admin(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// state is everything of the entry that the filter is for, and the groups that it is in.
func (w world) state(t testing.TB, filter string, without ...string) string {
	t.Helper()
	e := w.raw(t, ldapapp.Suffix, filter)
	if e == nil {
		return "nothing"
	}
	var lines []string
	for _, a := range e.Attributes {
		if !slices.Contains([]string{"userPassword", "pwdChangedTime", "authTimestamp"}, a.Name) && !slices.Contains(without, a.Name) {
			lines = append(lines, fmt.Sprint(a.Name, a.Values))
		}
	}
	slices.Sort(lines)
	w.admin(t, func(conn *ldapv3.Conn) error {
		found, err := conn.Search(ldapv3.NewSearchRequest(ldapapp.GroupsDN, ldapv3.ScopeWholeSubtree, 0, 0, 0, false, equals("member", e.DN), []string{"cn"}, nil))
		if err != nil {
			return err
		}
		for _, group := range found.Entries {
			lines = append(lines, group.DN)
		}
		return nil
	})
	return e.DN + "\n" + strings.Join(lines, "\n")
}

// dialTLS connects to slapd whatever the address says.
func (w world) dialTLS(ctx context.Context, network, _ string) (net.Conn, error) {
	return onLoopback(ctx, network, w.TLS)
}
