// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package application

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

// TestConfusedDeputy has somebody who may make ScimApplications, and may not read Secrets, try to have a credential sent to a listener of
// hers (OPS-04). The API server is a real one, and so are her rights.
func TestConfusedDeputy(t *testing.T) {
	admin, mallory := deputyClients(t)
	attacker, meant := listenFor(t), listenFor(t)
	secret := credentialFor(meant.address())
	unlabelled := credentialFor(attacker.address() + "," + meant.address())
	unlabelled.Name, unlabelled.Labels = "unlabelled", nil
	for _, o := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ns"}}, directory(), secret, unlabelled,
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "mallory"}, Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{v1alpha1.Group}, Resources: []string{"scimapplications"}, Verbs: []string{"create", "get", "update"},
		}}},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "mallory"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "mallory"},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "mallory"}},
		},
	} {
		if err := admin.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	canRead := func() bool {
		return mallory.Get(t.Context(), client.ObjectKeyFromObject(secret), &corev1.Secret{}) == nil
	}
	eventually(t, "her rights", func() bool {
		return !apierrors.IsForbidden(mallory.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "none"}, &v1alpha1.ScimApplication{}))
	})
	r := &Reconciler{Client: admin, Live: admin, Resync: time.Hour, Connections: &Connections{Secrets: admin, Openers: map[v1alpha1.ConnectorType]Opener{
		v1alpha1.ConnectorPostgreSQL: tellAll, v1alpha1.ConnectorSCIM: tellAll,
	}}}
	for name, tc := range map[string]struct {
		connector v1alpha1.Connector
		reason    string
		says      string
	}{
		"as-meant":           {postgresAt(meant, "credential"), v1alpha1.ReasonConnected, ""},
		"her-database":       {postgresAt(attacker, "credential"), v1alpha1.ReasonInvalid, v1alpha1.AnnotationHosts},
		"her-host":           {scimAt(attacker, nil, nil), v1alpha1.ReasonInvalid, attacker.address()},
		"her-issuer":         {scimAt(meant, attacker, nil), v1alpha1.ReasonInvalid, attacker.address()},
		"her-proxy":          {scimAt(meant, nil, attacker), v1alpha1.ReasonInvalid, attacker.address()},
		"not-for-connectors": {postgresAt(attacker, "unlabelled"), v1alpha1.ReasonInvalid, v1alpha1.LabelCredential + "=true"},
	} {
		t.Run(name, func(t *testing.T) {
			hers := app()
			hers.Name, hers.Spec.Connector, hers.Finalizers = name, tc.connector, nil
			if err := mallory.Create(t.Context(), hers); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Reconcile(t.Context(), hers); err != nil {
				t.Fatal(err)
			}
			if err := mallory.Get(t.Context(), client.ObjectKeyFromObject(hers), hers); err != nil {
				t.Fatal(err)
			}
			told, err := json.Marshal(hers)
			if err != nil || strings.Contains(string(told), credentialCanary) || !strings.Contains(string(told), tc.says) || reason(hers) != tc.reason {
				t.Errorf("reason %s, want %s; it must say %q and never the credential: %s, %v", reason(hers), tc.reason, tc.says, told, err)
			}
		})
	}
	eventually(t, "the credential where it is meant to be", func() bool { return strings.Contains(meant.heard(), credentialCanary) })
	if heard := attacker.heard(); heard != "" || canRead() {
		t.Errorf("she heard %q, and can read Secrets: %v", heard, canRead())
	}
}

func deputyClients(t *testing.T) (admin, mallory client.Client) {
	t.Helper()
	c, err := cluster.Start(t.Context(), cluster.Options{CRDDirs: []string{filepath.Join("..", "..", "config", "crd")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Stop() })
	scheme := runtime.NewScheme()
	hers, err := c.UserConfig("mallory", nil, 0)
	if err := errors.Join(err, clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	clients := make([]client.Client, 2)
	for i, config := range []*rest.Config{c.AdminConfig(0), hers} {
		if clients[i], err = client.New(config, client.Options{Scheme: scheme}); err != nil {
			t.Fatal(err)
		}
	}
	return clients[0], clients[1]
}

func postgresAt(l *listener, secret string) v1alpha1.Connector {
	port, _ := strconv.Atoi(l.port())
	return v1alpha1.Connector{Type: v1alpha1.ConnectorPostgreSQL, PostgreSQL: &v1alpha1.PostgreSQLConnector{
		Host: "127.0.0.1", Port: int32(port), CredentialSecretRef: v1alpha1.LocalReference{Name: secret},
		Roles: []v1alpha1.PostgreSQLRole{{Name: "reader"}},
	}}
}

// scimAt is an application at one listener, with an issuer at another and a proxy at a third if there are such.
func scimAt(l, issuer, proxy *listener) v1alpha1.Connector {
	endpoint := v1alpha1.HTTPEndpoint{
		URL: "http://" + l.address() + "/scim", AllowPlaintext: true, CredentialSecretRef: &v1alpha1.LocalReference{Name: "credential"},
	}
	if issuer != nil {
		endpoint.Authentication = v1alpha1.HTTPAuthentication{
			Type: v1alpha1.AuthenticationOAuth2, OAuth2: &v1alpha1.OAuth2Authentication{TokenURL: "http://" + issuer.address() + "/token"},
		}
	}
	if proxy != nil { // which is refused where the proxy could read everything
		endpoint.URL, endpoint.ProxyURL = "https://"+l.address()+"/scim", "http://"+proxy.address()
	}
	return v1alpha1.Connector{Type: v1alpha1.ConnectorSCIM, SCIM: &v1alpha1.SCIMConnector{Endpoint: endpoint, Roles: []v1alpha1.SCIMRole{{Name: "reader"}}}}
}

// tellAll opens a connector that could not be more careless: it tells the credential to every address that it finds.
func tellAll(ctx context.Context, app *v1alpha1.ScimApplication, credential map[string][]byte) (connector.Connector, error) {
	raw, err := json.Marshal(app.Spec.Connector)
	if err != nil {
		return nil, err
	}
	var spec any
	if err := json.Unmarshal(raw, &spec); err != nil {
		return nil, err
	}
	addresses := addressesIn(spec)
	if p := app.Spec.Connector.PostgreSQL; p != nil {
		addresses = append(addresses, net.JoinHostPort(p.Host, strconv.Itoa(int(p.Port))))
	}
	for _, address := range addresses {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		for _, value := range credential {
			if _, err := conn.Write(value); err != nil {
				return nil, err
			}
		}
		_ = conn.Close()
	}
	return connectortest.NewMemory(), nil
}

// addressesIn are the hosts of all URLs in some JSON.
func addressesIn(value any) (addresses []string) {
	switch v := value.(type) {
	case string:
		if parsed, err := url.Parse(v); err == nil && parsed.Host != "" {
			addresses = append(addresses, parsed.Host)
		}
	case []any:
		for _, inner := range v {
			addresses = append(addresses, addressesIn(inner)...)
		}
	case map[string]any:
		for _, inner := range v {
			addresses = append(addresses, addressesIn(inner)...)
		}
	}
	return addresses
}

// listener remembers what it is told.
type listener struct {
	net.Listener
	mu   sync.Mutex
	said string
}

func listenFor(t *testing.T) *listener {
	t.Helper()
	l := &listener{Listener: cluster.Listen(t)}
	go l.serve()
	return l
}

func (l *listener) serve() {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		said, _ := io.ReadAll(conn)
		l.mu.Lock()
		l.said += "[" + string(said) + "]"
		l.mu.Unlock()
	}
}

func (l *listener) heard() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.said
}

func (l *listener) address() string { return l.Addr().String() }

func (l *listener) port() string {
	_, port, _ := net.SplitHostPort(l.address())
	return port
}

// eventually asks until the answer is yes.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !is() {
		select {
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
