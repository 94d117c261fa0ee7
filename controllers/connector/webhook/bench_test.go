// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
)

// BenchmarkCreateSuspend creates and suspends accounts, one after the other, through the connector and by the same requests of a bare client.
func BenchmarkCreateSuspend(b *testing.B) {
	credential, _ := theWorld.app.Credential()
	endpoint := outbound.Config{URL: theWorld.app.URL(), Dial: loopback(), Credential: credential, Authentication: outbound.Authentication{Scheme: outbound.Bearer}}
	conn := open(b, Config{Endpoint: endpoint, Roles: []string{"reader"}, Attributes: []string{"email"}, Operations: []Operation{Revoke}})
	bare := newBare(b, credential)
	var created, suspended, bareCreated, bareSuspended time.Duration
	for b.Loop() {
		want := benchmarked()
		created += timed(func() { keep(b, conn, want) })
		left := want
		left.State = connector.Suspended
		suspended += timed(func() { keep(b, conn, left) })
		other := benchmarked()
		path := "/accounts/" + other.Owner
		bareCreated += timed(func() {
			bare.send(http.MethodGet, path, nil)
			bare.send(http.MethodPut, path, []byte(`{"state":"Active","userName":"`+other.UserName+`","roles":["reader"],"profile":{"email":"jane@example.com"}}`))
		})
		bareSuspended += timed(func() {
			bare.send(http.MethodGet, path, nil)
			bare.send(http.MethodPut, path, []byte(`{"state":"Suspended"}`))
			bare.send(http.MethodPost, path+"/revoke", nil)
		})
		b.StopTimer()
		for _, a := range []connector.Account{want, other} { // so that the application, which looks at all, is not what is measured
			if err := conn.Delete(b.Context(), a); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
	}
	for unit, took := range map[string]time.Duration{
		"created/s": created, "suspended/s": suspended, "bare-created/s": bareCreated, "bare-suspended/s": bareSuspended,
	} {
		b.ReportMetric(float64(b.N)/took.Seconds(), unit)
	}
}

func timed(f func()) time.Duration {
	begin := time.Now()
	f()
	return time.Since(begin)
}

func benchmarked() connector.Account {
	name := "bench-" + rand.Text()
	return connector.Account{
		Owner: "bench/" + name, UserName: name, State: connector.Active, Roles: []string{"reader"}, Profile: map[string]string{"email": "jane@example.com"},
	}
}

// keep does what the reconciler does.
func keep(b *testing.B, conn connector.Connector, want connector.Account) {
	observed, err := conn.Observe(b.Context(), want)
	if err != nil && want.State == connector.Suspended {
		b.Fatal(err)
	}
	if _, err := conn.Apply(b.Context(), observed, want); err != nil {
		b.Fatal(err)
	}
	if want.State == connector.Suspended {
		if _, err := conn.(connector.Revoker).Revoke(b.Context(), want); err != nil {
			b.Fatal(err)
		}
	}
}

// bare sends requests and reads no answer.
type bare struct {
	b      *testing.B
	client *http.Client
	sign   func(*http.Request, []byte)
	token  string
}

func newBare(b *testing.B, credential map[string][]byte) bare {
	trust, err := outbound.TLSConfig(credential)
	if err != nil {
		b.Fatal(err)
	}
	sign, err := signer(credential[KeySigning])
	if err != nil {
		b.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: true}
	b.Cleanup(transport.CloseIdleConnections)
	return bare{b, &http.Client{Transport: transport, Timeout: 10 * time.Second}, sign, string(credential["token"])}
}

func (c bare) send(method, path string, body []byte) {
	r, err := http.NewRequestWithContext(context.Background(), method, theWorld.app.URL()+path, bytes.NewReader(body))
	if err != nil {
		c.b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	c.sign(r, body)
	answer, err := c.client.Do(r)
	if err != nil {
		c.b.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
}
