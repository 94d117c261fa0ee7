// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package scim is an application that speaks SCIM for demos, tests and measurements: Better Auth, which keeps users and their sessions, lets
// people in by password, and has its users and groups kept over SCIM. A second SCIM server, SCIMMY, is for tests. Both come from the npm
// registry; the folder server has what of an application there must be around them.
package scim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/apps"
)

// credentialName is the Secret that package apps wants.
const credentialName = "application-credential"

// password is that of everybody.
const password = "correct horse battery staple"

// Start starts the application.
func Start(ctx context.Context, o apps.Options) (apps.App, error) { return StartBetterAuth(ctx, o) }

// StartBetterAuth starts the application, for those who want to know more of it than package apps does.
func StartBetterAuth(ctx context.Context, o apps.Options) (*BetterAuth, error) {
	s, err := start(ctx, o, program{file: "better-auth.mjs", title: "Better Auth 1.7.5", scimPath: "/api/auth/scim/v2"})
	if err != nil {
		return nil, err
	}
	return &BetterAuth{s}, nil
}

// BetterAuth is the application.
type BetterAuth struct{ *Server }

var _ apps.App = (*BetterAuth)(nil)

// Title implements apps.App.
func (b *BetterAuth) Title() string { return b.Server.Title }

// Application implements apps.App.
func (b *BetterAuth) Application() v1alpha1.ScimApplicationSpec {
	connector := &v1alpha1.SCIMConnector{Endpoint: v1alpha1.HTTPEndpoint{
		URL: b.URL, AllowPlaintext: true, Authentication: v1alpha1.HTTPAuthentication{Type: v1alpha1.AuthenticationBearer},
		CredentialSecretRef: &v1alpha1.LocalReference{Name: credentialName},
	}}
	for _, role := range b.Roles() {
		connector.Roles = append(connector.Roles, v1alpha1.SCIMRole{Name: role})
	}
	return v1alpha1.ScimApplicationSpec{Connector: v1alpha1.Connector{Type: v1alpha1.ConnectorSCIM, SCIM: connector}}
}

// Credential implements apps.App.
func (b *BetterAuth) Credential() (data map[string][]byte, hosts string) {
	return map[string][]byte{"token": []byte(b.Token)}, strings.TrimPrefix(b.Root, "http://")
}

// Roles implements apps.App.
func (b *BetterAuth) Roles() []v1alpha1.RoleName {
	var roles []v1alpha1.RoleName
	for _, group := range Groups() {
		roles = append(roles, v1alpha1.RoleName(group))
	}
	return roles
}

// address is what the person of a user name signs in with; of somebody who is not there any more it is the user name.
func (b *BetterAuth) address(ctx context.Context, userName string) (string, error) {
	found, err := b.Users(ctx, fmt.Sprintf("userName eq %q", userName))
	if err != nil || len(found) == 0 || len(found[0].Emails) == 0 {
		return userName, err
	}
	return found[0].Emails[0].Value, nil
}

// Welcome implements apps.App: the administrator gives the person a password.
func (b *BetterAuth) Welcome(ctx context.Context, userName string) error {
	address, err := b.address(ctx, userName)
	if err != nil {
		return err
	}
	response, err := b.request(ctx, http.MethodPost, b.Root+"/admin/password", "Bearer "+b.admin, map[string]string{"email": address, "password": password})
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("set a password: status %d", response.StatusCode)
	}
	return nil
}

// session is somebody who is signed in.
type session struct {
	b      *BetterAuth
	cookie string
}

func (b *BetterAuth) signIn(ctx context.Context, userName string) (*session, error) {
	address, err := b.address(ctx, userName)
	if err != nil {
		return nil, err
	}
	response, err := b.request(ctx, http.MethodPost, b.Root+"/api/auth/sign-in/email", "", map[string]string{"email": address, "password": password})
	if err != nil {
		return nil, err
	}
	_ = response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return &session{b, cookies(response)}, nil
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, fmt.Errorf("sign in: status %d: %w", response.StatusCode, apps.ErrRefused)
	}
	return nil, fmt.Errorf("sign in: status %d", response.StatusCode)
}

func cookies(response *http.Response) string {
	var all []string
	for _, cookie := range response.Cookies() {
		all = append(all, cookie.Name+"="+cookie.Value)
	}
	return strings.Join(all, "; ")
}

// visit opens a page, and reports its status.
func (s *session) visit(ctx context.Context, method, path string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.b.Root+path, nil)
	if err != nil {
		return 0, fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Cookie", s.cookie)
	request.Header.Set("Origin", s.b.Root)
	response, err := s.b.http.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

func (s *session) signOut(ctx context.Context) error {
	status, err := s.visit(ctx, http.MethodPost, "/api/auth/sign-out")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("sign out: status %d", status)
	}
	return err
}

// Login implements apps.App.
func (b *BetterAuth) Login(ctx context.Context, userName string) error {
	s, err := b.signIn(ctx, userName)
	if err != nil {
		return err
	}
	return s.signOut(ctx)
}

// HasRole implements apps.App: it opens the page of the role.
func (b *BetterAuth) HasRole(ctx context.Context, userName string, role v1alpha1.RoleName) (has bool, err error) {
	s, err := b.signIn(ctx, userName)
	switch {
	case errors.Is(err, apps.ErrRefused):
		return false, nil
	case err != nil:
		return false, err
	}
	defer func() { err = errors.Join(err, s.signOut(ctx)) }()
	status, err := s.visit(ctx, http.MethodGet, "/app/role/"+url.PathEscape(string(role)))
	if err == nil && !slices.Contains([]int{http.StatusNoContent, http.StatusForbidden}, status) {
		err = fmt.Errorf("open the page of a role: status %d", status)
	}
	return status == http.StatusNoContent, err
}

// Open implements apps.App.
func (b *BetterAuth) Open(ctx context.Context, userName string) (alive func(context.Context) bool, err error) {
	s, err := b.signIn(ctx, userName)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) bool {
		status, err := s.visit(ctx, http.MethodGet, "/app")
		return err == nil && status == http.StatusNoContent
	}, nil
}

// Exists implements apps.App.
func (b *BetterAuth) Exists(ctx context.Context, userName string) (bool, error) {
	found, err := b.Users(ctx, fmt.Sprintf("userName eq %q", userName))
	return len(found) > 0, err
}

// Show implements apps.App.
func (b *BetterAuth) Show(ctx context.Context) (command, table string, err error) {
	command = "GET " + b.URL + "/Users"
	users, err := b.Users(ctx, "")
	if err != nil {
		return command, "", err
	}
	var rows strings.Builder
	_, _ = fmt.Fprintf(&rows, "%-32s %-8s %s\n", "userName", "active", "externalId")
	for _, u := range users {
		_, _ = fmt.Fprintf(&rows, "%-32s %-8t %s\n", u.UserName, u.Active == nil || *u.Active, u.ExternalID)
	}
	return command, rows.String(), nil
}
