// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ldap runs OpenLDAP's slapd, with an application that asks it who may do what: it looks people up, binds as them, and asks whether a
// group has them.
package ldap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/apps"
)

// patience bounds a request to slapd, which is on this machine.
const patience = 20 * time.Second

// personPassword is what Welcome gives to everybody.
const personPassword = "welcome-0f-the-test"

// App is an application that asks a directory.
type App struct{ *Server }

var _ apps.App = (*App)(nil)

// Start starts the directory.
func Start(ctx context.Context, o apps.Options) (apps.App, error) {
	server, err := StartServer(ctx, o)
	if err != nil {
		return nil, err
	}
	return &App{server}, nil
}

// Title implements apps.App.
func (a *App) Title() string {
	version, err := exec.Command("dpkg-query", "-W", "-f", "${source:Upstream-Version}", "slapd").Output()
	if err != nil {
		return "OpenLDAP"
	}
	return "OpenLDAP " + strings.TrimSuffix(strings.Split(string(version), "~")[0], "+dfsg")
}

// Application implements apps.App.
func (a *App) Application() v1alpha1.ScimApplicationSpec {
	connector := &v1alpha1.LDAPConnector{
		URL: "ldap://" + a.Plain, CredentialSecretRef: v1alpha1.LocalReference{Name: "application-credential"},
		BaseDN: PeopleDN, ObjectClasses: []v1alpha1.LDAPAttributeName{"inetOrgPerson"},
		UserNameAttribute: "uid", RDNAttribute: "uid", MarkAttribute: "description",
		Attributes: []v1alpha1.LDAPAttribute{
			{Name: "userName", Attribute: "cn"}, {Name: "userName", Attribute: "sn"},
			{Name: "displayName", Attribute: "displayName"}, {Name: "email", Attribute: "mail"},
		},
		Suspension: v1alpha1.LDAPSuspension{Type: v1alpha1.LDAPPasswordPolicyLock, PolicyDN: PolicyDN},
	}
	for _, name := range a.Roles() {
		connector.Roles = append(connector.Roles, v1alpha1.LDAPRole{Name: name, GroupDN: v1alpha1.DistinguishedName(groupDN(name))})
	}
	return v1alpha1.ScimApplicationSpec{Connector: v1alpha1.Connector{Type: v1alpha1.ConnectorLDAP, LDAP: connector}}
}

func groupDN(role v1alpha1.RoleName) string { return "cn=" + string(role) + "," + GroupsDN }

// Credential implements apps.App.
func (a *App) Credential() (data map[string][]byte, hosts string) {
	return map[string][]byte{
		"username": []byte(ControllerDN), "password": []byte(controllerPassword), "ca.crt": a.Authority,
	}, a.Plain
}

// Roles implements apps.App.
func (a *App) Roles() []v1alpha1.RoleName {
	var roles []v1alpha1.RoleName
	for _, name := range GroupNames() {
		roles = append(roles, v1alpha1.RoleName(name))
	}
	return roles
}

// Welcome implements apps.App: the administrator sets a password.
func (a *App) Welcome(ctx context.Context, userName string) error {
	return a.as(ctx, AdminDN, adminPassword, func(conn *ldapv3.Conn) error {
		person, err := find(conn, Suffix, userName)
		if err != nil {
			return err
		}
		if person == nil {
			return errors.New("there is no such person")
		}
		request := ldapv3.NewModifyRequest(person.DN, nil)
		request.Replace("userPassword", []string{personPassword})
		return conn.Modify(request)
	})
}

// Login implements apps.App: the application looks the person up and binds as whom it found.
func (a *App) Login(ctx context.Context, userName string) error {
	conn, err := a.login(ctx, userName)
	if err != nil {
		return err
	}
	return conn.Close()
}

func (a *App) login(ctx context.Context, userName string) (*ldapv3.Conn, error) {
	person, err := a.person(ctx, userName)
	if err != nil {
		return nil, err
	}
	if person == nil {
		return nil, fmt.Errorf("%w: there is no such person", apps.ErrRefused)
	}
	return a.bind(ctx, person.DN)
}

func (a *App) bind(ctx context.Context, dn string) (*ldapv3.Conn, error) {
	conn, err := a.connect(ctx)
	if err != nil {
		return nil, err
	}
	err = conn.Bind(dn, personPassword)
	if ldapv3.IsErrorAnyOf(err, ldapv3.LDAPResultInvalidCredentials, ldapv3.LDAPResultInappropriateAuthentication) {
		err = fmt.Errorf("%w: %w", apps.ErrRefused, err)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// HasRole implements apps.App: the application asks whether the group has the person.
func (a *App) HasRole(ctx context.Context, userName string, role v1alpha1.RoleName) (has bool, err error) {
	person, err := a.person(ctx, userName)
	if err != nil || person == nil {
		return false, err
	}
	err = a.as(ctx, ReaderDN, readerPassword, func(conn *ldapv3.Conn) error {
		has, err = conn.Compare(groupDN(role), "member", person.DN)
		return err
	})
	return has, err
}

// Open implements apps.App. A connection is alive as long as it may ask who it is.
func (a *App) Open(ctx context.Context, userName string) (alive func(context.Context) bool, err error) {
	conn, err := a.login(ctx, userName)
	if err != nil {
		return nil, err
	}
	return func(context.Context) bool {
		_, err := conn.WhoAmI(nil)
		return err == nil
	}, nil
}

// Exists implements apps.App.
func (a *App) Exists(ctx context.Context, userName string) (exists bool, err error) {
	err = a.as(ctx, AdminDN, adminPassword, func(conn *ldapv3.Conn) error {
		person, err := find(conn, Suffix, userName)
		exists = person != nil
		return err
	})
	return exists, err
}

// Show implements apps.App.
func (a *App) Show(ctx context.Context) (command, table string, err error) {
	err = a.as(ctx, AdminDN, adminPassword, func(conn *ldapv3.Conn) error {
		people, err := search(conn, PeopleDN, "(uid=*)", "uid", "displayName", "mail", "pwdAccountLockedTime")
		if err != nil {
			return err
		}
		groups, err := search(conn, GroupsDN, "(objectClass=groupOfNames)", "cn", "member")
		if err != nil {
			return err
		}
		table = tableOf(people, groups)
		return nil
	})
	return "ldapsearch -ZZ -b " + PeopleDN + " '(uid=*)' uid displayName mail pwdAccountLockedTime; ldapsearch -ZZ -b " + GroupsDN + " cn member", table, err
}

func tableOf(people, groups []*ldapv3.Entry) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { _, _ = fmt.Fprintln(w, strings.Join(cells, "\t")) } // into memory
	row("UID", "DISPLAYNAME", "MAIL", "LOCKED", "GROUPS")
	for _, person := range people {
		var in []string
		for _, group := range groups {
			if slices.Contains(group.GetAttributeValues("member"), person.DN) {
				in = append(in, group.GetAttributeValue("cn"))
			}
		}
		row(person.GetAttributeValue("uid"), person.GetAttributeValue("displayName"),
			person.GetAttributeValue("mail"), person.GetAttributeValue("pwdAccountLockedTime"), strings.Join(in, ","))
	}
	_ = w.Flush()
	return b.String()
}

// person looks up as the application does.
func (a *App) person(ctx context.Context, userName string) (person *ldapv3.Entry, err error) {
	err = a.as(ctx, ReaderDN, readerPassword, func(conn *ldapv3.Conn) error {
		person, err = find(conn, PeopleDN, userName)
		return err
	})
	return person, err
}

func find(conn *ldapv3.Conn, base, userName string) (*ldapv3.Entry, error) {
	found, err := search(conn, base, "(uid="+ldapv3.EscapeFilter(userName)+")", "uid")
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, nil
	case len(found) > 1:
		return nil, fmt.Errorf("%d entries have that uid", len(found))
	}
	return found[0], nil
}

func search(conn *ldapv3.Conn, base, filter string, attributes ...string) ([]*ldapv3.Entry, error) {
	result, err := conn.Search(ldapv3.NewSearchRequest(base, ldapv3.ScopeWholeSubtree, ldapv3.NeverDerefAliases, 0, 0, false, filter, attributes, nil))
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	return result.Entries, nil
}

// Admin has f use a connection of the administrator.
func (s *Server) Admin(ctx context.Context, f func(*ldapv3.Conn) error) error {
	return s.as(ctx, AdminDN, adminPassword, f)
}

func (s *Server) as(ctx context.Context, who, password string, f func(*ldapv3.Conn) error) error {
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	if err := conn.Bind(who, password); err != nil {
		return errors.Join(fmt.Errorf("bind as %s: %w", who, err), conn.Close())
	}
	return errors.Join(f(conn), conn.Close())
}

func (s *Server) connect(ctx context.Context) (*ldapv3.Conn, error) {
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(s.Authority)
	dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: patience}, Config: &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}}
	raw, err := dialer.DialContext(ctx, "tcp", s.TLS)
	if err != nil {
		return nil, fmt.Errorf("connect to slapd: %w", err)
	}
	conn := ldapv3.NewConn(raw, true)
	conn.SetTimeout(patience)
	conn.Start()
	return conn, nil
}

// BindAs binds as that entry with everybody's password. The error wraps apps.ErrRefused if the directory refuses.
func (a *App) BindAs(ctx context.Context, dn string) error {
	conn, err := a.bind(ctx, dn)
	if err != nil {
		return err
	}
	return conn.Close()
}
