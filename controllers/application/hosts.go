// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package application

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
)

// destinations are the host:port that the credential of a connector is sent to. It has none of the Kubernetes connector: a kubeconfig
// names its cluster itself. This is the one place that knows where each connector has its addresses.
func destinations(c *v1alpha1.Connector) []string {
	switch {
	case c.PostgreSQL != nil:
		return []string{net.JoinHostPort(c.PostgreSQL.Host, strconv.Itoa(int(c.PostgreSQL.Port)))}
	case c.LDAP != nil:
		return []string{hostPort(c.LDAP.URL)}
	case c.SCIM != nil:
		return endpointHosts(&c.SCIM.Endpoint)
	case c.HTTP != nil:
		return endpointHosts(&c.HTTP.Endpoint)
	case c.Webhook != nil:
		return endpointHosts(&c.Webhook.Endpoint)
	}
	return nil
}

func endpointHosts(e *v1alpha1.HTTPEndpoint) []string {
	hosts := []string{hostPort(e.URL)}
	if oauth2 := e.Authentication.OAuth2; oauth2 != nil {
		hosts = append(hosts, hostPort(oauth2.TokenURL))
	}
	if e.ProxyURL != "" { // it reads all that is not inside TLS
		hosts = append(hosts, hostPort(e.ProxyURL))
	}
	return hosts
}

// hostPort returns where a URL connects to; "" if it is none, which no Secret allows.
func hostPort(raw string) string {
	parsed, err := url.Parse(raw)
	if err != nil || parsed.Hostname() == "" {
		return ""
	}
	port := parsed.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "ldap": "389", "ldaps": "636", "socks5": "1080"}[parsed.Scheme]
	}
	return net.JoinHostPort(parsed.Hostname(), port)
}

// mayBeSent returns an error unless the Secret names every one of those hosts.
func mayBeSent(secret *corev1.Secret, hosts []string) error {
	for _, host := range hosts {
		if !allowed(secret.Annotations[v1alpha1.AnnotationHosts], host) {
			return connector.Invalidf("the Secret %q may not be sent to %s: add the host to its annotation %s if it may",
				secret.Name, host, v1alpha1.AnnotationHosts)
		}
	}
	return nil
}

// allowed reports whether the list of AnnotationHosts has that host:port.
func allowed(list, hostPort string) bool {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		return false
	}
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		below, isWildcard := strings.CutPrefix(entry, "*.")
		switch {
		case entry == "" || isWildcard && below == "":
		case strings.EqualFold(entry, host) || strings.EqualFold(entry, hostPort) || strings.EqualFold(entry, "["+host+"]"):
			return true
		case isWildcard && strings.HasSuffix(strings.ToLower(host), "."+strings.ToLower(below)):
			return true
		}
	}
	return false
}
