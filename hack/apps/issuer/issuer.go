// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package issuer is an issuer of JSON Web Tokens for tests that nobody of this project wrote: oidc-provider, certified by the OpenID Foundation, from
// the npm registry. The folder server has its configuration.
package issuer

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/scim-operator/scim-operator/hack/apps"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

// programs are the issuer and the versions of what it is made of.
//
//go:embed server/server.mjs server/package.json server/package-lock.json
var programs embed.FS

const (
	// startTimeout bounds the start, which takes some seconds.
	startTimeout = 2 * time.Minute
	// startAttempts bounds how often a start is repeated because a port was taken.
	startAttempts = 3
)

// ES256 at the end of an audience makes the issuer sign with a curve; otherwise it signs with RSA.
const ES256 = "/ES256"

// Issuer is a running issuer.
type Issuer struct {
	// URL is its name, the "iss" of its tokens.
	URL string
	// Authority is the only one that its certificate is of, in PEM.
	Authority []byte

	process *cluster.Process
	secrets map[string]string
	http    *http.Client
}

// Start starts an issuer with clients of these names. It must be stopped.
func Start(ctx context.Context, o apps.Options, clients ...string) (*Issuer, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	dir, node, err := apps.Node(ctx, o, "issuer", programs)
	if err != nil {
		return nil, err
	}
	o.Say("start oidc-provider")
	keys, err := cluster.NewServing()
	if err != nil {
		return nil, err
	}
	var i *Issuer
	for range startAttempts {
		if i, err = launch(ctx, node, dir, keys, clients); !errors.Is(err, cluster.ErrPortTaken) {
			break
		}
	}
	return i, err
}

func launch(ctx context.Context, node, dir string, keys cluster.Serving, clients []string) (*Issuer, error) {
	ports, err := cluster.FreePorts(1)
	if err != nil {
		return nil, err
	}
	port := strconv.Itoa(ports[0])
	trust := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	trust.RootCAs.AppendCertsFromPEM(keys.Authority)
	i := &Issuer{
		URL: "https://" + net.JoinHostPort("127.0.0.1", port), Authority: keys.Authority, secrets: map[string]string{},
		http: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: trust.Clone()}},
	}
	var pairs []string
	for _, client := range clients {
		i.secrets[client] = rand.Text()
		pairs = append(pairs, client+":"+i.secrets[client])
	}
	i.process, err = cluster.StartProcess(ctx, cluster.ProcessConfig{
		Name: "issuer", Path: node, Args: []string{filepath.Join(dir, "server.mjs")}, Ready: cluster.ReadyURL(i.URL+"/ready", trust),
		Env: []string{"PORT=" + port, "CLIENTS=" + strings.Join(pairs, ","), "CERTIFICATE=" + string(keys.Certificate), "KEY=" + string(keys.Key), "NODE_ENV=production"},
	})
	return i, err
}

// Token is a token of a client for an audience, which is an absolute URI.
func (i *Issuer) Token(ctx context.Context, client, audience string) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "resource": {audience}, "scope": {"scim"}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, i.URL+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(client, i.secrets[client])
	response, err := i.http.Do(request)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return "", err
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("get a token: status %d: %s", response.StatusCode, body)
	}
	return answer.AccessToken, nil
}

// Rotate replaces all keys: the issuer starts again, at the same address and with the same clients.
func (i *Issuer) Rotate(ctx context.Context) error { return i.process.Restart(ctx) }

// Stop ends it. It keeps everything in memory.
func (i *Issuer) Stop() error { return i.process.Kill() }
