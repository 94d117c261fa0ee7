// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/apps"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

// App is the application on loopback, in this process. It implements apps.App.
type App struct {
	store  *store
	guard  *guard
	server *http.Server
	client *http.Client
	host   string
	ca     []byte
}

var _ apps.App = (*App)(nil)

// Start starts it. It installs nothing and writes nothing.
func Start(ctx context.Context, o apps.Options) (apps.App, error) { return Launch(ctx, o) }

// Launch is Start for who wants more of it than every application has.
func Launch(ctx context.Context, o apps.Options) (*App, error) {
	o.Say("starting the reference application of the webhook contract")
	ports, err := cluster.FreePorts(1)
	if err != nil {
		return nil, err
	}
	certificate, ca, err := selfSigned()
	if err != nil {
		return nil, err
	}
	host := net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0]))
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", host)
	if err != nil {
		return nil, fmt.Errorf("listen for the application: %w", err)
	}
	a := &App{store: newStore([]string{"admin", "reader", "writer"}, []string{"department", "displayName", "email"}), host: host, ca: ca}
	a.guard = &guard{token: rand.Text(), signingKey: []byte(rand.Text()), next: contract(a.store)}
	mux := people(a.store)
	mux.Handle("/contract/", http.StripPrefix("/contract", a.guard))
	a.server = &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
	}
	go func() { _ = a.server.ServeTLS(listener, "", "") }()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	a.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	return a, nil
}

// selfSigned returns a certificate for 127.0.0.1 that is its own authority.
func selfSigned() (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// Title implements apps.App.
func (a *App) Title() string { return "the reference application of the webhook contract" }

// URL is where the contract is served.
func (a *App) URL() string { return "https://" + a.host + "/contract" }

// Application implements apps.App.
func (a *App) Application() v1alpha1.ScimApplicationSpec {
	webhook := &v1alpha1.WebhookConnector{
		Endpoint: v1alpha1.HTTPEndpoint{
			URL: a.URL(), CredentialSecretRef: &v1alpha1.LocalReference{Name: "application-credential"},
			Authentication: v1alpha1.HTTPAuthentication{Type: v1alpha1.AuthenticationBearer},
		},
		Attributes: a.store.attributes,
		Operations: []v1alpha1.WebhookOperation{v1alpha1.WebhookList, v1alpha1.WebhookAdopt, v1alpha1.WebhookRevoke},
	}
	for _, role := range a.Roles() {
		webhook.Roles = append(webhook.Roles, v1alpha1.WebhookRole{Name: role})
	}
	return v1alpha1.ScimApplicationSpec{Connector: v1alpha1.Connector{Type: v1alpha1.ConnectorWebhook, Webhook: webhook}}
}

// Credential implements apps.App.
func (a *App) Credential() (data map[string][]byte, hosts string) {
	return map[string][]byte{"token": []byte(a.guard.token), "signingKey": a.guard.signingKey, "ca.crt": a.ca}, a.host
}

// Roles implements apps.App.
func (a *App) Roles() (roles []v1alpha1.RoleName) {
	for _, role := range a.store.roles {
		roles = append(roles, v1alpha1.RoleName(role))
	}
	return roles
}

// Welcome implements apps.App: the password is there from the beginning, and its holder would be told of it by another way.
func (a *App) Welcome(_ context.Context, userName string) error {
	_, err := a.password(userName)
	return err
}

func (a *App) password(userName string) (string, error) {
	a.store.mu.Lock()
	defer a.store.mu.Unlock()
	if found := a.store.byName(userName); found != nil {
		return a.store.passwords[found.ID], nil
	}
	return "", errNotFound
}

// Login implements apps.App. Who has no account has a password that is wrong.
func (a *App) Login(ctx context.Context, userName string) error {
	_, err := a.login(ctx, userName)
	return err
}

func (a *App) login(ctx context.Context, userName string) (session string, err error) {
	password, _ := a.password(userName)
	form := url.Values{"userName": {userName}, "password": {password}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+a.host+"/login", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, body, err := a.do(r)
	switch {
	case err != nil:
		return "", err
	case status == http.StatusUnauthorized:
		return "", apps.ErrRefused
	case status != http.StatusOK:
		return "", fmt.Errorf("the login is answered with %d", status)
	}
	return body, nil
}

func (a *App) do(r *http.Request) (status int, body string, err error) {
	answer, err := a.client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = answer.Body.Close() }()
	read, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(read), err
}

// visit asks for a path in a session.
func (a *App) visit(ctx context.Context, session, path string) (allowed bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+a.host+path, http.NoBody)
	if err != nil {
		return false, err
	}
	r.Header.Set("Session", session)
	status, _, err := a.do(r)
	return status == http.StatusOK, err
}

// HasRole implements apps.App.
func (a *App) HasRole(ctx context.Context, userName string, role v1alpha1.RoleName) (bool, error) {
	return a.Opens(ctx, userName, string(role))
}

// Opens logs in and tries the door of the role.
func (a *App) Opens(ctx context.Context, userName, role string) (bool, error) {
	session, err := a.login(ctx, userName)
	if errors.Is(err, apps.ErrRefused) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return a.visit(ctx, session, "/doors/"+url.PathEscape(role))
}

// Open implements apps.App.
func (a *App) Open(ctx context.Context, userName string) (alive func(context.Context) bool, err error) {
	session, err := a.login(ctx, userName)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) bool {
		allowed, err := a.visit(ctx, session, "/me")
		return allowed && err == nil
	}, nil
}

// Exists implements apps.App.
func (a *App) Exists(_ context.Context, userName string) (bool, error) {
	_, found := a.Account(userName)
	return found, nil
}

// Show implements apps.App.
func (a *App) Show(context.Context) (command, table string, err error) {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ID\tUSER\tSTATE\tROLES\tOWNER")
	accounts, _ := a.store.list("", maxPage)
	for _, account := range accounts {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", account.ID, account.UserName, account.State, strings.Join(account.Roles, ","), account.Owner)
	}
	err = w.Flush()
	return "GET " + a.URL() + "/accounts", text.String(), err
}

// Stop implements apps.App.
func (a *App) Stop() error {
	a.client.CloseIdleConnections()
	return a.server.Close()
}

// Changes is how many changes the contract has made.
func (a *App) Changes() int {
	a.store.mu.Lock()
	defer a.store.mu.Unlock()
	return a.store.changes
}

// Account returns the account of that user name.
func (a *App) Account(userName string) (Account, bool) {
	a.store.mu.Lock()
	defer a.store.mu.Unlock()
	if found := a.store.byName(userName); found != nil {
		return found.clone(), true
	}
	return Account{}, false
}

// CountOf is how many accounts there are of that user name, whoever's they are. It is never more than one as long as the contract is held.
func (a *App) CountOf(userName string) (count int) {
	a.store.mu.Lock()
	defer a.store.mu.Unlock()
	for _, account := range a.store.accounts {
		if strings.EqualFold(account.UserName, userName) {
			count++
		}
	}
	return count
}

// Add makes an account as an administrator of the application would, and Edit changes one.
func (a *App) Add(account Account) {
	a.store.mu.Lock()
	defer a.store.mu.Unlock()
	a.store.add(account)
}

// Edit changes the account of that user name as an administrator of the application would.
func (a *App) Edit(userName string, change func(*Account)) {
	a.store.mu.Lock()
	defer a.store.mu.Unlock()
	if found := a.store.byName(userName); found != nil {
		change(found)
	}
}
