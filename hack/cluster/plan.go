// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/rest"
)

const (
	caFile                   = "ca.crt"
	servingCertFile          = "serving.crt"
	servingKeyFile           = "serving.key"
	serviceAccountKeyFile    = "service-account.key"
	controllerKubeconfigFile = "kube-controller-manager.kubeconfig"

	// etcdQuota is the most that etcd supports; at its default of 2 GiB a load test would end in an alarm.
	etcdQuota = 8 << 30

	// controllers are those that work without nodes. Pods of Deployments are made, and stay Pending.
	controllers = "namespace-controller,garbage-collector-controller,serviceaccount-controller," +
		"clusterrole-aggregation-controller,root-ca-certificate-publisher-controller,deployment-controller,replicaset-controller"
)

// plan is every process of a cluster before the first is started: programs, files and ports.
type plan struct {
	dir      string
	programs binaries
	// etcdURL and etcdPeerURL are etcd's; apiServerURLs has one for each API server.
	etcdURL, etcdPeerURL, controllerManagerURL string
	apiServerURLs                              []string
	durable                                    bool
	// tls authenticates to every server here.
	tls *tls.Config
}

func newPlan(o Options, dir string) (*plan, error) {
	programs, err := findBinaries()
	if err != nil {
		return nil, err
	}
	ports, err := FreePorts(3 + o.APIServers)
	if err != nil {
		return nil, err
	}
	var urls []string
	for _, port := range ports {
		urls = append(urls, "https://"+loopback(port))
	}
	return &plan{
		dir: dir, programs: programs, durable: o.Durable,
		etcdURL: urls[0], etcdPeerURL: urls[1], controllerManagerURL: urls[2], apiServerURLs: urls[3:],
	}, nil
}

// writeKeys writes what the processes read, and makes the client of their health checks.
func (p *plan) writeKeys(ca *authority, controllerManager *rest.Config) error {
	serving, err := ca.serving()
	if err != nil {
		return err
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	serviceAccountKey, err := encodeKey(key)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		caFile: ca.pem, servingCertFile: serving.certificate, servingKeyFile: serving.key,
		serviceAccountKeyFile: serviceAccountKey,
	} {
		if err := os.WriteFile(p.file(name), content, 0o600); err != nil {
			return fmt.Errorf("write keys: %w", err)
		}
	}
	return WriteKubeconfig(p.file(controllerKubeconfigFile), controllerManager)
}

func (p *plan) file(name string) string { return filepath.Join(p.dir, name) }

func (p *plan) process(program, name, readyURL string, args []string) (ProcessConfig, error) {
	path, err := p.programs.path(program)
	if err != nil {
		return ProcessConfig{}, err
	}
	return ProcessConfig{Name: name, Path: path, Args: args, Ready: ReadyURL(readyURL, p.tls)}, nil
}

// etcd asks its clients for a certificate: it holds every Secret, and others may share the machine.
func (p *plan) etcd() (ProcessConfig, error) {
	args := []string{
		"--name=etcd",
		"--data-dir=" + p.file("etcd"),
		"--listen-client-urls=" + p.etcdURL,
		"--advertise-client-urls=" + p.etcdURL,
		"--listen-peer-urls=" + p.etcdPeerURL,
		"--initial-advertise-peer-urls=" + p.etcdPeerURL,
		"--initial-cluster=etcd=" + p.etcdPeerURL,
		"--client-cert-auth", "--trusted-ca-file=" + p.file(caFile),
		"--cert-file=" + p.file(servingCertFile), "--key-file=" + p.file(servingKeyFile),
		"--peer-client-cert-auth", "--peer-trusted-ca-file=" + p.file(caFile),
		"--peer-cert-file=" + p.file(servingCertFile), "--peer-key-file=" + p.file(servingKeyFile),
		"--log-level=warn",
		fmt.Sprintf("--quota-backend-bytes=%d", etcdQuota),
		fmt.Sprintf("--unsafe-no-fsync=%t", !p.durable),
	}
	return p.process(etcdProgram, "etcd", p.etcdURL+"/readyz", args)
}

func (p *plan) apiServer(server int) (ProcessConfig, error) {
	address := p.apiServerURLs[server]
	args := []string{
		"--etcd-servers=" + p.etcdURL,
		"--etcd-cafile=" + p.file(caFile),
		"--etcd-certfile=" + p.file(servingCertFile), "--etcd-keyfile=" + p.file(servingKeyFile),
		"--bind-address=127.0.0.1", "--secure-port=" + port(address),
		"--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.0.0.0/24",
		"--tls-cert-file=" + p.file(servingCertFile), "--tls-private-key-file=" + p.file(servingKeyFile),
		"--client-ca-file=" + p.file(caFile),
		"--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + p.file(serviceAccountKeyFile),
		"--service-account-signing-key-file=" + p.file(serviceAccountKeyFile),
		"--allow-privileged",
		"--profiling=false",
	}
	return p.process(apiServerProgram, fmt.Sprintf("kube-apiserver-%d", server), address+"/readyz", args)
}

func (p *plan) controllerManager() (ProcessConfig, error) {
	args := []string{
		"--kubeconfig=" + p.file(controllerKubeconfigFile),
		"--bind-address=127.0.0.1", "--secure-port=" + port(p.controllerManagerURL),
		"--tls-cert-file=" + p.file(servingCertFile), "--tls-private-key-file=" + p.file(servingKeyFile),
		"--root-ca-file=" + p.file(caFile),
		"--controllers=" + controllers,
		"--use-service-account-credentials",
		"--leader-elect=false",
		"--profiling=false",
	}
	return p.process(controllerManagerProgram, "kube-controller-manager", p.controllerManagerURL+"/healthz", args)
}

// port is that of a URL made by newPlan.
func port(url string) string { return url[strings.LastIndexByte(url, ':')+1:] }
