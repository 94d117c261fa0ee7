// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	adminUser             = "scim-operator-dev:admin"
	adminGroup            = "system:masters"
	controllerManagerUser = "system:kube-controller-manager"

	// tokenSeconds is the life of the tokens of ServiceAccountConfig: 24 hours.
	tokenSeconds = 24 * 60 * 60
)

// AdminConfig is a client of API server number server that may do everything. Like the other configurations here it has
// no client-side rate limit.
func (c *Cluster) AdminConfig(server int) *rest.Config {
	return c.withCertificate(server, c.admin)
}

// UserConfig is a client that authenticates as the user with the groups, by a certificate.
func (c *Cluster) UserConfig(user string, groups []string, server int) (*rest.Config, error) {
	pair, err := c.authority.client(user, groups)
	if err != nil {
		return nil, err
	}
	return c.withCertificate(server, pair), nil
}

// ServiceAccountConfig is a client that authenticates as an existing ServiceAccount, by a token of 24 hours.
func (c *Cluster) ServiceAccountConfig(ctx context.Context, namespace, name string, server int) (*rest.Config, error) {
	core, err := corev1client.NewForConfig(c.AdminConfig(server))
	if err != nil {
		return nil, fmt.Errorf("request token of ServiceAccount %s/%s: %w", namespace, name, err)
	}
	life := int64(tokenSeconds)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &life}}
	token, err := core.ServiceAccounts(namespace).CreateToken(ctx, name, request, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("request token of ServiceAccount %s/%s: %w", namespace, name, err)
	}
	config := c.serverConfig(server)
	config.BearerToken = token.Status.Token
	return config, nil
}

// WriteKubeconfig writes a kubeconfig with the server and the credentials of config, readable by its owner only. It
// replaces the file in one step, so that a reader never sees half of it.
func WriteKubeconfig(path string, config *rest.Config) error {
	const name = "scim-operator-dev"
	content, err := clientcmd.Write(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{name: {
			Server: config.Host, CertificateAuthority: config.CAFile, CertificateAuthorityData: config.CAData,
		}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{name: {
			ClientCertificate: config.CertFile, ClientCertificateData: config.CertData,
			ClientKey: config.KeyFile, ClientKeyData: config.KeyData,
			Token: config.BearerToken, TokenFile: config.BearerTokenFile,
		}},
		Contexts:       map[string]*clientcmdapi.Context{name: {Cluster: name, AuthInfo: name}},
		CurrentContext: name,
	})
	if err != nil {
		return fmt.Errorf("encode kubeconfig: %w", err)
	}
	if err := replaceFile(path, content); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}

// replaceFile relies on CreateTemp making files that only their owner can read.
func replaceFile(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// withCertificate authenticates by a client certificate.
func (c *Cluster) withCertificate(server int, pair keyPair) *rest.Config {
	config := c.serverConfig(server)
	config.CertData, config.KeyData = pair.certificate, pair.key
	return config
}

// serverConfig has no credentials.
func (c *Cluster) serverConfig(server int) *rest.Config {
	return &rest.Config{
		Host:            c.urls[server],
		TLSClientConfig: rest.TLSClientConfig{CAData: c.authority.pem},
		QPS:             -1,
	}
}
