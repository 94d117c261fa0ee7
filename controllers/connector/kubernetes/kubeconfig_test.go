// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"net/http"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// kubeconfig returns one with that cluster and user in the context that is used. Y0FO is base64 of "cAN".
func kubeconfig(cluster, user string) string {
	return `{apiVersion: v1, kind: Config, current-context: x,
contexts: [{name: x, context: {cluster: c, user: u}}],
clusters: [{name: c, cluster: {` + cluster + `}}],
users: [{name: u, user: {` + user + `}}]}`
}

func TestRESTConfigFromKubeconfig(t *testing.T) {
	const server = "server: 'https://api.example:6443/path'"
	const refused = "which is not accepted here"
	for name, tc := range map[string]struct {
		content string
		message string // part of it; "" if it is accepted
	}{
		"Token":         {kubeconfig(server, "token: "+canary), ""},
		"Certificate":   {kubeconfig(server+", certificate-authority-data: Y0FO, tls-server-name: api", "client-certificate-data: Y0FO, client-key-data: Y0FO"), ""},
		"Password":      {kubeconfig(server, "username: me, password: "+canary), ""},
		"Proxy":         {kubeconfig(server+", proxy-url: 'socks5://proxy.example:1080'", "token: x"), ""},
		"OtherContexts": {kubeconfig(server+"}}, {name: d, cluster: {insecure-skip-tls-verify: true", "token: x}}, {name: v, user: {exec: {command: "+canary+"}"), ""},
		"Exec":          {kubeconfig(server, "exec: {apiVersion: client.authentication.k8s.io/v1, command: "+canary+"}"), "exec, " + refused},
		"AuthProvider":  {kubeconfig(server, "auth-provider: {name: oidc, config: {id-token: "+canary+"}}"), "auth-provider, " + refused},
		"TokenFile":     {kubeconfig(server, "tokenFile: /var/run/"+canary), "tokenFile, " + refused},
		"TokenAndFile":  {kubeconfig(server, "token: x, tokenFile: /var/run/"+canary), "tokenFile, " + refused},
		"CertFile":      {kubeconfig(server, "client-certificate: /etc/"+canary), "client-certificate, " + refused},
		"KeyFile":       {kubeconfig(server, "client-key: /etc/"+canary), "client-key, " + refused},
		"CAFile":        {kubeconfig(server+", certificate-authority: /etc/"+canary, "token: x"), "certificate-authority, " + refused},
		"Insecure":      {kubeconfig(server+", insecure-skip-tls-verify: true", "token: x"), "insecure-skip-tls-verify, " + refused},
		"Impersonation": {kubeconfig(server, "token: x, as: "+canary), "as, " + refused},
		"GroupsAlone":   {kubeconfig(server, "token: x, as-groups: ["+canary+"]"), "as, " + refused},
		"HTTP":          {kubeconfig("server: 'http://"+canary+"'", "token: x"), "not an https URL"},
		"NoServer":      {kubeconfig("", "token: x"), "not an https URL"},
		"HostAlone":     {kubeconfig("server: "+canary, "token: x"), "not an https URL"},
		"UserInURL":     {kubeconfig("server: 'https://me:"+canary+"@api.example'", "token: x"), "not an https URL"},
		"FileProxy":     {kubeconfig(server+", proxy-url: 'file:///"+canary+"'", "token: x"), "proxy-url"},
		"BadProxy":      {kubeconfig(server+", proxy-url: '%zz"+canary+"'", "token: x"), "proxy-url"},
		"NoContext":     {strings.Replace(kubeconfig(server, "token: x"), "current-context: x", "current-context: "+canary, 1), "no current-context"},
		"NoUser":        {strings.Replace(kubeconfig(server, "token: x"), "user: u", "user: "+canary, 1), "has not the cluster or the user"},
		"Empty":         {"", "no current-context"},
		"CertNoKey":     {kubeconfig(server, "client-certificate-data: Y0FO"), "only one of"},
		"NotYAML":       {"\t{" + canary, "cannot be parsed"},
		"WrongType":     {kubeconfig(server, "token: ["+canary+"]"), "cannot be parsed"},
		"BadBase64":     {kubeconfig(server, "client-key-data: '"+canary+"!'"), "cannot be parsed"},
	} {
		t.Run(name, func(t *testing.T) {
			config, err := RESTConfigFromKubeconfig([]byte(tc.content), nil)
			if (err == nil) != (tc.message == "") || !strings.Contains(connector.Message(err), tc.message) {
				t.Fatalf("config %v, message %q, want %q", config, connector.Message(err), tc.message)
			}
			if err != nil && (connector.KindOf(err) != connector.KindInvalid || strings.Contains(err.Error(), canary)) {
				t.Errorf("kind %s, text %q", connector.KindOf(err), err)
			}
			if err == nil {
				wantHarmless(t, config)
			}
		})
	}
}

// wantHarmless checks that the configuration reads no files and runs no programs.
func wantHarmless(t *testing.T, c *rest.Config) {
	t.Helper()
	if c.BearerTokenFile != "" || c.CAFile != "" || c.CertFile != "" || c.KeyFile != "" || c.Insecure || c.ExecProvider != nil ||
		c.AuthProvider != nil || c.AuthConfigPersister != nil || c.Impersonate.UserName != "" || len(c.Impersonate.Groups) > 0 {
		t.Error("the configuration is not harmless")
	}
	if !strings.HasPrefix(c.Host, "https://") || c.Dial == nil {
		t.Errorf("host %q, dial %v", c.Host, c.Dial != nil)
	}
}

func TestKubeconfigProxy(t *testing.T) {
	config, err := RESTConfigFromKubeconfig([]byte(kubeconfig("server: 'https://api.example', proxy-url: 'http://proxy.example:3128'", "token: x")), nil)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequest(http.MethodGet, config.Host, nil)
	if err != nil {
		t.Fatal(err)
	}
	if proxy, err := config.Proxy(request); err != nil || proxy.Host != "proxy.example:3128" {
		t.Errorf("proxy %v, %v", proxy, err)
	}
}

func FuzzRESTConfigFromKubeconfig(f *testing.F) {
	const server = "server: 'https://api.example'"
	for _, seed := range []string{
		kubeconfig(server, "token: x"), kubeconfig(server, "exec: {command: x}"), kubeconfig(server+", certificate-authority: /x", "tokenFile: /y"),
		kubeconfig(server+", proxy-url: 'http://p'", "client-key-data: Y0FO"), "a: &a [*a, *a]", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		config, err := RESTConfigFromKubeconfig(content, nil)
		if err != nil {
			if connector.KindOf(err) != connector.KindInvalid {
				t.Errorf("err = %v", err)
			}
			return
		}
		wantHarmless(t, config)
	})
}
