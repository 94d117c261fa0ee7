// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/hack/apps"
	"github.com/scim-operator/scim-operator/hack/apps/rabbitmq"
)

func isRefused(err error) bool { return errors.Is(err, apps.ErrRefused) }

func newcomer() connector.Account {
	id := strings.ToLower(rand.Text()[:10])
	return connector.Account{Owner: "acme/" + id, UserName: id + "@example.com", State: connector.Active, Roles: []string{"monitoring"}}
}

// TestRabbitMQRefusesTheLogin: the broker itself refuses a suspended user, by AMQP and by HTTP, and the old password works when the user is back.
func TestRabbitMQRefusesTheLogin(t *testing.T) {
	app, ctx, want := broker(t), t.Context(), newcomer()
	conn := open(t, rabbitConfig(t, app, newWay(t, app).url))
	apply(t, conn, want)
	if err := app.Login(ctx, want.UserName); !isRefused(err) {
		t.Errorf("without a password: %v", err)
	}
	if err := app.Welcome(ctx, want.UserName); err != nil {
		t.Fatal(err)
	}
	wantLogin := func(when string, allowed bool) {
		t.Helper()
		if err := app.Login(ctx, want.UserName); (err == nil) != allowed || err != nil && !isRefused(err) {
			t.Errorf("%s: login by AMQP: %v", when, err)
		}
		if has, err := app.HasRole(ctx, want.UserName, "monitoring"); err != nil || has != allowed {
			t.Errorf("%s: the role works: %v, %v", when, has, err)
		}
	}
	wantLogin("with a password", true)
	both := want
	both.Roles = []string{"monitoring", "policymaker"}
	apply(t, conn, both)
	wantLogin("with another role", true)
	alive, err := app.Open(ctx, want.UserName)
	if err != nil {
		t.Fatal(err)
	}
	// The broker waits long to close a connection that it has not entered everywhere yet, or that is just ending.
	only := func(ctx context.Context) (bool, error) {
		open, err := app.Connections(ctx, want.UserName)
		return open == 1, err
	}
	if err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, time.Minute, true, only); err != nil {
		t.Fatalf("wait until the broker shows the connection and no other: %v", err)
	}
	suspended := want
	suspended.State = connector.Suspended
	apply(t, conn, suspended)
	wantLogin("suspended", false)
	revocation, err := revokeAsOften(ctx, conn.(connector.Revoker), suspended)
	if err != nil || revocation.Sessions != connector.Revoked || alive(ctx) {
		t.Errorf("%+v, %v, the connection lives: %v", revocation, err, alive(ctx))
	}
	apply(t, conn, want)
	wantLogin("restored", true)
	if err := conn.Delete(ctx, want); err != nil {
		t.Fatal(err)
	}
	wantLogin("deleted", false)
}

// revokeAsOften revokes again what the application could not do in time, as the account reconciler does: the broker may wait long for a
// connection that was just opened when it is busy.
func revokeAsOften(ctx context.Context, conn connector.Revoker, acct connector.Account) (revocation connector.Revocation, err error) {
	for range 4 {
		if revocation, err = conn.Revoke(ctx, acct); connector.KindOf(err) != connector.KindUnavailable {
			break
		}
	}
	return revocation, err
}

// TestRabbitMQLeastRights: the connector has the tag administrator and no permission. With less it is told so.
func TestRabbitMQLeastRights(t *testing.T) {
	app := broker(t)
	if u := readUser(t, app, "scim-controller"); len(u.Tags) != 1 || u.Tags[0] != "administrator" {
		t.Errorf("it has the tags %v", u.Tags)
	}
	for tag, want := range map[string]connector.Kind{"administrator": "", "monitoring": connector.KindDenied, "policymaker": connector.KindDenied} {
		user := newcomer()
		write(t, app, rabbitmq.User{Name: user.UserName, PasswordHash: hashOf(canary), Tags: []string{tag}})
		cfg := rabbitConfig(t, app, newWay(t, app).url)
		cfg.Client.Credential = map[string][]byte{"username": []byte(user.UserName), "password": []byte(canary)}
		if err := open(t, cfg).(connector.Prober).Probe(t.Context()); connector.KindOf(err) != want {
			t.Errorf("Probe with the tag %s: %v", tag, err)
		}
	}
}

// hashOf is how RabbitMQ keeps a password: https://www.rabbitmq.com/docs/passwords.
func hashOf(password string) string {
	salt := []byte("salt")
	hash := sha256.Sum256(append(slices.Clone(salt), password...))
	return base64.StdEncoding.EncodeToString(append(salt, hash[:]...))
}

// TestRabbitMQSuspendMany: three requests for each of many who are suspended at the same time, as the reconciler does it.
func TestRabbitMQSuspendMany(t *testing.T) {
	const count = 200
	app := broker(t)
	to := newWay(t, app)
	conn := open(t, rabbitConfig(t, app, to.url))
	leavers := make([]connector.Account, count)
	for i := range leavers {
		leavers[i] = newcomer()
		write(t, app, rabbitmq.User{Name: leavers[i].UserName, Tags: []string{mark + leavers[i].Owner, "monitoring"}})
		leavers[i].State, leavers[i].ExternalID = connector.Suspended, leavers[i].UserName
	}
	before := to.calls.Load()
	var all sync.WaitGroup
	for _, leaver := range leavers {
		all.Go(func() {
			observed, err := conn.Observe(t.Context(), leaver)
			if err == nil {
				_, err = conn.Apply(t.Context(), observed, leaver)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if calls := to.calls.Load() - before; calls > 3*count {
		t.Errorf("%d requests for %d accounts", calls, count)
	}
	for _, leaver := range leavers {
		if u := readUser(t, app, leaver.UserName); !strings.HasPrefix(u.PasswordHash, "c2NpbS1sb2Nr") || len(u.Tags) != 1 {
			t.Errorf("still inside: %+v", u)
		}
	}
}

// minimal is a client that does what the connector does, with nothing around it.
type minimal struct {
	base, name, password string
	client               http.Client
}

func (m *minimal) do(b *testing.B, method, path string, body any) (answer []byte) {
	encoded, _ := json.Marshal(body)
	request, err := http.NewRequestWithContext(b.Context(), method, m.base+path, bytes.NewReader(encoded))
	if err != nil {
		b.Fatal(err)
	}
	request.SetBasicAuth(m.name, m.password)
	response, err := m.client.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, _ = io.ReadAll(response.Body)
	return answer
}

// BenchmarkCreateSuspend is accounts per second, through the connector and by the same requests of a minimal client, one account at a time.
func BenchmarkCreateSuspend(b *testing.B) {
	app := broker(b)
	conn := open(b, rabbitConfig(b, app, app.Application().Connector.HTTP.Endpoint.URL))
	data, _ := app.Credential()
	raw := &minimal{base: app.Application().Connector.HTTP.Endpoint.URL, name: string(data["username"]), password: string(data["password"])}
	connected := func(b *testing.B, want connector.Account) {
		observed, err := conn.Observe(b.Context(), want)
		if err != nil && !errors.Is(err, connector.ErrNotFound) {
			b.Fatal(err)
		}
		if _, err := conn.Apply(b.Context(), observed, want); err != nil {
			b.Fatal(err)
		}
	}
	for name, f := range map[string]struct {
		create, suspend func(*testing.B, connector.Account)
	}{
		"connector": {connected, connected},
		"raw": {
			func(b *testing.B, want connector.Account) {
				path := "/users/" + url.PathEscape(want.UserName)
				raw.do(b, http.MethodGet, path, nil)
				raw.do(b, http.MethodGet, "/users", nil)
				raw.do(b, http.MethodGet, path, nil)
				raw.do(b, http.MethodPut, path, rabbitmq.User{Name: want.UserName, Tags: []string{mark + want.Owner, "monitoring"}})
				raw.do(b, http.MethodGet, path, nil)
			},
			func(b *testing.B, want connector.Account) {
				path := "/users/" + url.PathEscape(want.UserName)
				raw.do(b, http.MethodGet, path, nil)
				raw.do(b, http.MethodGet, path, nil)
				raw.do(b, http.MethodPut, path, rabbitmq.User{Name: want.UserName, PasswordHash: "c2NpbS1sb2Nr", Tags: []string{mark + want.Owner}})
			},
		},
	} {
		b.Run("create/"+name, func(b *testing.B) {
			for b.Loop() {
				want := newcomer()
				f.create(b, want)
				b.StopTimer()
				if err := app.Remove(b.Context(), want.UserName); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "accounts/s")
		})
		b.Run("suspend/"+name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				want := newcomer()
				write(b, app, rabbitmq.User{Name: want.UserName, Tags: []string{mark + want.Owner, "monitoring"}})
				want.State = connector.Suspended
				b.StartTimer()
				f.suspend(b, want)
				b.StopTimer()
				if err := app.Remove(b.Context(), want.UserName); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "accounts/s")
		})
	}
}
