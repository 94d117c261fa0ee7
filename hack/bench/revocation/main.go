// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command revocation measures how long a credential still works after it was revoked, over two scim-servers with an API server
// each: with everything as it should be, and with every connection between the servers and their API servers dead without a
// word, as a restarted firewall leaves them. What is measured is the time from the begin of the request that revokes to the first
// answer, of the slower server, that is not 200.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/bench/frame"
	"github.com/scim-operator/scim-operator/hack/bench/meter"
	"github.com/scim-operator/scim-operator/hack/stack"
	"github.com/scim-operator/scim-operator/hack/stack/wire"
)

func main() {
	revocations := flag.Int("revocations", 100, "how many credentials are revoked in each part")
	flag.Parse()
	b := &bench{}
	frame.Main("revocation", stack.Options{APIServers: 2, Servers: 2, Between: b.between}, func(ctx context.Context, s *stack.Stack) error {
		b.Stack = s
		return errors.Join(b.measure(ctx, *revocations), b.close())
	})
}

type bench struct {
	*stack.Stack
	wires []*wire.Wire
}

func (b *bench) between(apiServer string) (string, error) {
	w, err := wire.Listen(context.Background(), apiServer)
	if err != nil {
		return "", err
	}
	b.wires = append(b.wires, w)
	return w.URL(), nil
}

func (b *bench) close() (err error) {
	for _, w := range b.wires {
		err = errors.Join(err, w.Close())
	}
	return err
}

const namespace, directory = "bench", "acme"

func (b *bench) measure(ctx context.Context, revocations int) error {
	dir := &v1alpha1.ScimDirectory{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: directory}}
	if err := errors.Join(b.CreateNamespace(ctx, namespace), b.Client.Create(ctx, dir), b.WaitReady(ctx, dir)); err != nil {
		return err
	}
	for _, part := range []struct {
		name   string
		before func()
	}{
		{"connections work", func() {}},
		{"connections are dead", func() {
			for _, w := range b.wires {
				w.Break()
			}
		}},
	} {
		var took []time.Duration
		for i := range revocations {
			one, err := b.revoke(ctx, fmt.Sprintf("%c-%d", part.name[len(part.name)-1], i), i%2 == 0, part.before)
			if err != nil {
				return err
			}
			took = append(took, one)
		}
		slices.Sort(took)
		fmt.Printf("%s: %d revocations over two servers: p50 %s, p99 %s, longest %s\n", part.name, len(took),
			meter.Milliseconds(meter.Percentile(took, 50)), meter.Milliseconds(meter.Percentile(took, 99)), meter.Milliseconds(took[len(took)-1]))
	}
	return nil
}

// revoke issues a credential, revokes it by the annotation or by deletion, and returns how long it took.
func (b *bench) revoke(ctx context.Context, name string, annotate bool, before func()) (time.Duration, error) {
	tok := &v1alpha1.ScimToken{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	tok.Spec.DirectoryRef.Name = directory
	if err := errors.Join(b.Client.Create(ctx, tok), b.WaitReady(ctx, tok)); err != nil {
		return 0, err
	}
	secret, err := b.Token(ctx, namespace, name)
	if err == nil {
		err = b.WaitServed(ctx, namespace, directory, secret)
	}
	if err != nil {
		return 0, err
	}
	before()
	<-time.After(wait.Jitter(time.Millisecond, 2000)) // lists come every two seconds
	start := time.Now()
	if annotate {
		patch := []byte(`{"metadata":{"annotations":{"` + v1alpha1.AnnotationRevoke + `":"*"}}}`)
		err = b.Client.Patch(ctx, tok, client.RawPatch("application/merge-patch+json", patch))
	} else {
		err = b.Client.Delete(ctx, tok)
	}
	if err != nil {
		return 0, err
	}
	return b.waitRefused(ctx, secret, start)
}

// waitRefused asks both servers over and over until both have refused, and returns when the slower one did so first.
func (b *bench) waitRefused(ctx context.Context, secret string, start time.Time) (time.Duration, error) {
	took, errs := make([]time.Duration, len(b.Servers)), make([]error, len(b.Servers))
	var all sync.WaitGroup
	for i, server := range b.Servers {
		all.Go(func() {
			who := idp.New(server.BaseURL(namespace, directory), secret)
			for errs[i] == nil {
				answer, err := who.Get(ctx, "/ServiceProviderConfig")
				if errs[i] = err; answer.Status != http.StatusOK && took[i] == 0 {
					took[i] = time.Since(start)
				}
				if answer.Status == http.StatusUnauthorized {
					return
				}
			}
		})
	}
	all.Wait()
	return slices.Max(took), errors.Join(errs...)
}
