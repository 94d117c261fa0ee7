// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// The metrics that Read reads.
const (
	// Puts and PutBytes count every version of every key that was ever put. Compaction does not take from them.
	Puts     = "etcd_mvcc_put_total"
	PutBytes = "etcd_debugging_mvcc_total_put_size_in_bytes"
	// InUse is what the database holds, in bytes of whole pages. Compaction takes from it, and Compacted tells when it did.
	InUse     = "etcd_mvcc_db_total_size_in_use_in_bytes"
	Compacted = "etcd_debugging_mvcc_db_compaction_keys_total"
)

// commitInterval is a little more than etcd waits before it writes a batch to its database: 100 ms.
const commitInterval = 150 * time.Millisecond

// Etcd is where the metrics are to be read.
type Etcd struct {
	url  string
	http *http.Client
}

// NewEtcd finds the address and the keys in the arguments of the process: they are nobody else's business otherwise.
func NewEtcd(ctx context.Context, pid int) (*Etcd, error) {
	output, err := exec.CommandContext(ctx, "ps", "-ww", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return nil, fmt.Errorf("read the arguments of etcd: %w", err)
	}
	flags := map[string]string{}
	for arg := range strings.FieldsSeq(string(output)) {
		name, value, _ := strings.Cut(arg, "=")
		flags[name] = value
	}
	certificate, err := tls.LoadX509KeyPair(flags["--cert-file"], flags["--key-file"])
	if err != nil {
		return nil, fmt.Errorf("read the keys of etcd: %w", err)
	}
	ca, err := os.ReadFile(flags["--trusted-ca-file"])
	if err != nil {
		return nil, fmt.Errorf("read the authority of etcd: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	config := &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	transport := &http.Transport{TLSClientConfig: config}
	return &Etcd{url: flags["--advertise-client-urls"] + "/metrics", http: &http.Client{Transport: transport}}, nil
}

// Read reads the metrics once what was put is in the database.
func (e *Etcd) Read(ctx context.Context) (map[string]float64, error) {
	<-time.After(commitInterval)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := e.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("read the metrics of etcd: %w", err)
	}
	values, err := parse(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err == nil && len(values) != 4 {
		err = fmt.Errorf("read the metrics of etcd: got only %v", values)
	}
	return values, err
}

// parse reads the four metrics, which have no labels.
func parse(metrics io.Reader) (map[string]float64, error) {
	values := map[string]float64{}
	lines := bufio.NewScanner(metrics)
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), " ")
		switch name {
		case Puts, PutBytes, InUse, Compacted:
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", name, err)
			}
			values[name] = value
		}
	}
	return values, lines.Err()
}
