// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
)

// DialFunc connects to an address. It decides which addresses are allowed: see package egress.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// RESTConfigFromKubeconfig returns how to reach the cluster of the kubeconfig's current context, by that dial function;
// nil is the one of egress.Policy's zero value.
//
// A kubeconfig may name programs to run and files to read, and whoever writes the Secret that holds it would run and
// read them as the controller. So only inline data is taken: https, a CA, a client certificate, a token, a user name with a password, a
// TLS server name, and a proxy by http, https or socks5. Everything else that would have an effect is Invalid, and so
// is whatever cannot be parsed. Errors say which field is wrong and never what it holds. Contexts other than the current one
// are not looked at.
func RESTConfigFromKubeconfig(kubeconfig []byte, dial DialFunc) (*rest.Config, error) {
	parsed, err := clientcmd.Load(kubeconfig)
	if err != nil {
		return nil, connector.Invalidf("the kubeconfig cannot be parsed")
	}
	current := parsed.Contexts[parsed.CurrentContext]
	if current == nil {
		return nil, connector.Invalidf("the kubeconfig has no current-context, or not the context that it names")
	}
	cluster, user := parsed.Clusters[current.Cluster], parsed.AuthInfos[current.AuthInfo]
	if cluster == nil || user == nil {
		return nil, connector.Invalidf("the kubeconfig has not the cluster or the user that its current context names")
	}
	if field := refusedField(cluster, user); field != "" {
		return nil, connector.Invalidf("the kubeconfig has %s, which is not accepted here", field)
	}
	return restConfig(cluster, user, dial)
}

func restConfig(cluster *clientcmdapi.Cluster, user *clientcmdapi.AuthInfo, dial DialFunc) (*rest.Config, error) {
	server, err := url.Parse(cluster.Server)
	if err != nil || server.Scheme != "https" || server.Host == "" || server.User != nil || server.RawQuery != "" || server.Fragment != "" {
		return nil, connector.Invalidf("the kubeconfig's server is not an https URL of host and path alone")
	}
	if (len(user.ClientCertificateData) > 0) != (len(user.ClientKeyData) > 0) {
		return nil, connector.Invalidf("the kubeconfig has only one of client-certificate-data and client-key-data")
	}
	proxy, err := proxyFunc(cluster.ProxyURL)
	if err != nil {
		return nil, err
	}
	if dial == nil {
		dial = egress.Policy{}.DialContext
	}
	return &rest.Config{
		Host:               cluster.Server,
		Dial:               dial,
		Proxy:              proxy,
		DisableCompression: cluster.DisableCompression,
		BearerToken:        user.Token,
		Username:           user.Username,
		Password:           user.Password,
		TLSClientConfig: rest.TLSClientConfig{
			ServerName: cluster.TLSServerName,
			CAData:     cluster.CertificateAuthorityData,
			CertData:   user.ClientCertificateData,
			KeyData:    user.ClientKeyData,
		},
	}, nil
}

// refusedField returns the name of a field that must not be set, "" if none is.
func refusedField(cluster *clientcmdapi.Cluster, user *clientcmdapi.AuthInfo) string {
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"exec", user.Exec != nil},
		{"auth-provider", user.AuthProvider != nil},
		{"tokenFile", user.TokenFile != ""},
		{"client-certificate", user.ClientCertificate != ""},
		{"client-key", user.ClientKey != ""},
		{"certificate-authority", cluster.CertificateAuthority != ""},
		{"insecure-skip-tls-verify", cluster.InsecureSkipTLSVerify},
		{"as", user.Impersonate != "" || user.ImpersonateUID != "" || len(user.ImpersonateGroups) > 0 || len(user.ImpersonateUserExtra) > 0},
	} {
		if field.set {
			return field.name
		}
	}
	return ""
}

// proxyFunc takes the proxy of the kubeconfig, or else that of the controller's environment.
func proxyFunc(proxyURL string) (func(*http.Request) (*url.URL, error), error) {
	if proxyURL == "" {
		return http.ProxyFromEnvironment, nil
	}
	proxy, err := url.Parse(proxyURL)
	if err != nil || !slices.Contains([]string{"http", "https", "socks5"}, proxy.Scheme) || proxy.Host == "" {
		return nil, connector.Invalidf("the kubeconfig's proxy-url is not an http, https or socks5 URL")
	}
	return http.ProxyURL(proxy), nil
}
