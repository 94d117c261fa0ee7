// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package rabbitmq

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/scim-operator/scim-operator/hack/apps"
)

// people are the passwords that this package gave to those whom it welcomed.
type people struct {
	mu        sync.Mutex
	passwords map[string]string
}

func (p *people) set(name, password string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.passwords == nil {
		p.passwords = map[string]string{}
	}
	p.passwords[name] = password
}

// get returns a password that is never right for somebody who was not welcomed.
func (p *people) get(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if password, ok := p.passwords[name]; ok {
		return password
	}
	return "nobody has this password"
}

// User is a user as the management API has it.
type User struct {
	Name         string   `json:"name"`
	PasswordHash string   `json:"password_hash"`
	Tags         []string `json:"tags"`
}

// credential is a user's name and password.
type credential struct{ name, password string }

func (a *App) administrator() credential { return credential{root, a.passwords[root]} }

func (a *App) person(userName string) credential {
	return credential{userName, a.people.get(userName)}
}

// call makes a request of the management API as somebody, and decodes the answer into out if there is one.
func (a *App) call(ctx context.Context, as credential, method, path string, in, out any) (status int, err error) {
	body, err := json.Marshal(in)
	if err != nil {
		return 0, fmt.Errorf("encode: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, method, a.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("make request: %w", err)
	}
	request.SetBasicAuth(as.name, as.password)
	request.Header.Set("Content-Type", "application/json")
	response, err := a.client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("ask RabbitMQ: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, fmt.Errorf("read answer: %w", err)
	}
	if out != nil && response.StatusCode == http.StatusOK {
		if err := json.Unmarshal(answer, out); err != nil {
			return 0, fmt.Errorf("decode answer: %w", err)
		}
	}
	return response.StatusCode, nil
}

// admin makes a request as the administrator that must succeed.
func (a *App) admin(ctx context.Context, method, path string, in, out any) error {
	status, err := a.call(ctx, a.administrator(), method, path, in, out)
	if err == nil && status >= http.StatusMultipleChoices {
		err = fmt.Errorf("%s %s: RabbitMQ answers %d", method, path, status)
	}
	return err
}

func (a *App) answers(ctx context.Context) error {
	return a.admin(ctx, http.MethodGet, "/whoami", nil, nil)
}

// prepare makes the user of the connector, with the tag that its page documents and no permissions.
func (a *App) prepare(ctx context.Context) error {
	var overview struct {
		Version string `json:"rabbitmq_version"`
	}
	if err := a.admin(ctx, http.MethodGet, "/overview", nil, &overview); err != nil {
		return err
	}
	a.title = "RabbitMQ " + overview.Version
	return a.admin(ctx, http.MethodPut, "/users/"+connectorUser, map[string]any{"password": a.passwords[connectorUser], "tags": "administrator"}, nil)
}

func userPath(userName string) string { return "/users/" + url.PathEscape(userName) }

// Read returns a user as an administrator sees it; nil if there is none.
func (a *App) Read(ctx context.Context, userName string) (*User, error) {
	var read User
	status, err := a.call(ctx, a.administrator(), http.MethodGet, userPath(userName), nil, &read)
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusNotFound:
		return nil, nil
	case status != http.StatusOK:
		return nil, fmt.Errorf("read the user: RabbitMQ answers %d", status)
	}
	return &read, nil
}

// Write stores a user as an administrator would.
func (a *App) Write(ctx context.Context, u User) error {
	return a.admin(ctx, http.MethodPut, userPath(u.Name), u, nil)
}

// Remove deletes a user as an administrator would.
func (a *App) Remove(ctx context.Context, userName string) error {
	return a.admin(ctx, http.MethodDelete, userPath(userName), nil, nil)
}

// Connections returns how many connections a user has open.
func (a *App) Connections(ctx context.Context, userName string) (int, error) {
	var open []any
	err := a.admin(ctx, http.MethodGet, "/connections/username/"+url.PathEscape(userName), nil, &open)
	return len(open), err
}

// Welcome implements [apps.App]: an administrator sets a password, keeps the tags, and lets the user into the vhost.
func (a *App) Welcome(ctx context.Context, userName string) error {
	u, err := a.Read(ctx, userName)
	if err != nil {
		return err
	}
	if u == nil {
		return fmt.Errorf("welcome: there is no such user")
	}
	password := rand.Text()
	if err := a.admin(ctx, http.MethodPut, userPath(userName), map[string]any{"password": password, "tags": u.Tags}, nil); err != nil {
		return err
	}
	a.people.set(userName, password)
	everything := map[string]string{"configure": ".*", "write": ".*", "read": ".*"}
	return a.admin(ctx, http.MethodPut, "/permissions/%2F/"+url.PathEscape(userName), everything, nil)
}

// Exists implements [apps.App].
func (a *App) Exists(ctx context.Context, userName string) (bool, error) {
	u, err := a.Read(ctx, userName)
	return u != nil, err
}

// Show implements [apps.App].
func (a *App) Show(ctx context.Context) (command, table string, err error) {
	var all []User
	if err := a.admin(ctx, http.MethodGet, "/users", nil, &all); err != nil {
		return "", "", err
	}
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "user\tpassword\ttags")
	for _, u := range all {
		password := "set"
		switch {
		case u.PasswordHash == "":
			password = "none"
		case strings.HasPrefix(u.PasswordHash, lock):
			password = "locked"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", u.Name, password, strings.Join(u.Tags, " "))
	}
	err = w.Flush()
	return "GET /api/users", out.String(), err
}

// refused makes an error of a status that says who may not.
func refused(status int) error {
	switch {
	case status < http.StatusMultipleChoices:
		return nil
	case status == http.StatusUnauthorized:
		return apps.ErrRefused
	}
	return fmt.Errorf("RabbitMQ answers %d", status)
}
