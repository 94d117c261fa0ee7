// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pair is a certificate for 127.0.0.1 and its key, as PEM.
type pair struct{ certificate, key []byte }

func newPair(t *testing.T, number int64) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(number), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pair{
		certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	}
}

// place puts files into dir as kubelet does: all of them at once, by a link that is exchanged; the old ones go after that.
func (p pair) place(t *testing.T, dir, version string) {
	t.Helper()
	data := filepath.Join(dir, version)
	next, current := filepath.Join(dir, "..next"), filepath.Join(dir, "..data")
	old, _ := os.Readlink(current)
	errs := []error{
		os.Mkdir(data, 0o700),
		os.WriteFile(filepath.Join(data, "tls.crt"), p.certificate, 0o600),
		os.WriteFile(filepath.Join(data, "tls.key"), p.key, 0o600),
		os.Symlink(version, next),
		os.Rename(next, current),
	}
	for _, name := range []string{"tls.crt", "tls.key"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			errs = append(errs, os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)))
		}
	}
	if old != "" {
		errs = append(errs, os.RemoveAll(filepath.Join(dir, old)))
	}
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// serial is the number of the certificate that a server presents, 0 if it presents none, to a client with this configuration.
func serial(t *testing.T, address string, config *tls.Config) int64 {
	t.Helper()
	config.InsecureSkipVerify = true
	conn, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		return 0
	}
	defer func() { _ = conn.Close() }()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// asProgram is the variable of the environment that makes a process of this test be scim-server: controller-runtime, which
// watches the certificate, takes a logger once in a process.
const asProgram = "TEST_AS_SCIM_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program runs scim-server as a process of its own, which logs to a file.
func program(t *testing.T, args ...string) (process *exec.Cmd, log func() string) {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	process = exec.CommandContext(t.Context(), os.Args[0], append([]string{"--kubeconfig", writeKubeconfig(t, "http://127.0.0.1:1")}, args...)...)
	process.Env, process.Stderr = append(os.Environ(), asProgram+"=1"), file
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	return process, func() string {
		text, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

// until waits for something that happens within seconds.
func until(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !happened(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long until %s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestCertificateMissing(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"tls.crt", "tls.key", ""} {
		process, log := program(t, "--tls-cert-dir", dir)
		err := process.Wait()
		if err == nil || !strings.Contains(log(), "--tls-cert-dir, which needs tls.crt and tls.key") || !strings.Contains(log(), name) {
			t.Errorf("without a good %s: %v, log %s", name, err, log())
		}
		if name != "" {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("not PEM"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestTLS: the process serves TLS 1.2 and 1.3 with a certificate that is exchanged under it, and nothing else.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	newPair(t, 1).place(t, dir, "one")
	scim, health := listenLow(t), listenLow(t)
	_, _ = scim.Close(), health.Close()
	address := scim.Addr().String()
	process, log := program(t, "--tls-cert-dir", dir, "--listen", address, "--health-listen", health.Addr().String(), "--shutdown-delay=0s")
	until(t, "it serves", func() bool { return serial(t, address, &tls.Config{}) == 1 })
	testVersions(t, address)
	testAnswersOverTLS(t, address)
	testExchange(t, address, dir, log)
	if err := errors.Join(process.Process.Signal(syscall.SIGTERM), process.Wait()); err != nil {
		t.Errorf("ended with %v", err)
	}
}

func testVersions(t *testing.T, address string) {
	t.Helper()
	cases := map[string]struct {
		reason string
		config *tls.Config
		served bool
	}{
		"1.3":   {reason: "the newest", config: &tls.Config{MinVersion: tls.VersionTLS13}, served: true},
		"1.2":   {reason: "Entra ID speaks nothing newer", config: &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}}, served: true},
		"1.1":   {reason: "deprecated by RFC 8996", config: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}},
		"1.0":   {reason: "deprecated by RFC 8996", config: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}},
		"CBC":   {reason: "no authenticated encryption", config: &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}},
		"Other": {reason: "a protocol that is none of HTTP", config: &tls.Config{NextProtos: []string{"smtp"}}},
	}
	for name, tc := range cases {
		if got := serial(t, address, tc.config) == 1; got != tc.served {
			t.Errorf("%s (%s): served %t", name, tc.reason, got)
		}
	}
}

// testAnswersOverTLS: SCIM over HTTP/2 and HTTP/1.1; plain HTTP gets the one answer that net/http has for it.
func testAnswersOverTLS(t *testing.T, address string) {
	t.Helper()
	for protocol, plain := range map[string]bool{"HTTP/2.0": false, "HTTP/1.1": false, "plain": true} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: protocol == "HTTP/2.0", DisableKeepAlives: true}
		scheme, want := "https://", http.StatusServiceUnavailable
		if plain {
			scheme, want = "http://", http.StatusBadRequest
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, scheme+address+"/scim/v2/team-a/acme/Users", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := (&http.Client{Transport: transport}).Do(request)
		if err != nil {
			t.Fatalf("%s: %v", protocol, err)
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		scim := strings.Contains(string(text), "urn:ietf:params:scim:api:messages:2.0:Error")
		if err != nil || response.StatusCode != want || scim == plain || !plain && response.Proto != protocol {
			t.Errorf("%s: %s %s: %s", protocol, response.Proto, response.Status, text)
		}
	}
}

// testExchange: a pair that does not fit together changes nothing and is in the log; one that does is served.
func testExchange(t *testing.T, address, dir string, log func() string) {
	t.Helper()
	pair{certificate: newPair(t, 2).certificate, key: newPair(t, 3).key}.place(t, dir, "two")
	until(t, "the log says what is wrong", func() bool {
		return strings.Contains(log(), "private key does not match public key")
	})
	if got := serial(t, address, &tls.Config{}); got != 1 {
		t.Errorf("a pair that does not fit is served: %d", got)
	}
	newPair(t, 4).place(t, dir, "four")
	until(t, "the new certificate is served", func() bool { return serial(t, address, &tls.Config{}) == 4 })
	if strings.Contains(log(), "PRIVATE KEY") {
		t.Error("the key is in the log")
	}
}
