// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scim-operator/scim-operator/api/token"
	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/cluster"
	"github.com/scim-operator/scim-operator/scimserver/directory"
)

// wire is the network between one server and its API server. It counts what is asked, and its watches can be made to say nothing any more
// while everything else works, as a broken load balancer makes them.
type wire struct {
	http.RoundTripper
	cut chan struct{} // closed once watches are cut
	// lists are those that confirm the table.
	lists, others atomic.Int64
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := w.RoundTripper.RoundTrip(r)
	watches := r.URL.Query().Get("watch") == "true"
	switch {
	case watches:
	case r.Method == http.MethodGet && (strings.HasSuffix(r.URL.Path, "/scimtokens") || strings.HasSuffix(r.URL.Path, "/scimdirectories")):
		w.lists.Add(1)
	default:
		w.others.Add(1)
	}
	if err == nil && watches {
		response.Body = silenced{response.Body, r.Context(), w.cut}
	}
	return response, err
}

type silenced struct {
	io.ReadCloser
	ctx context.Context
	cut chan struct{}
}

func (s silenced) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	select {
	case <-s.cut:
		<-s.ctx.Done()
		return 0, s.ctx.Err()
	default:
		return n, err
	}
}

// replicaOfServer is what one scim-server has of this package.
type replicaOfServer struct {
	*Authenticator
	wire *wire
	// ended delivers what the table's Run returned, once.
	ended <-chan error
}

func schemeOfTest(t *testing.T) *runtime.Scheme {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, corev1.AddToScheme, authenticationv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return scheme
}

// startReplica runs a table, a cache and uses as cmd/scim-server does, until the test ends.
func startReplica(t *testing.T, config *rest.Config) *replicaOfServer {
	t.Helper()
	return replicaWith(t, config, NewTable([]string{metav1.NamespaceAll}, time.Now), (*Table).Run)
}

// startWatching runs a replica whose table is listed once and counts for ever, so that only its watch can tell it anything.
func startWatching(t *testing.T, config *rest.Config) *replicaOfServer {
	t.Helper()
	start := time.Now()
	table := NewTable([]string{metav1.NamespaceAll}, func() time.Time { return start })
	return replicaWith(t, config, table, func(table *Table, ctx context.Context, live client.Reader, _ *slog.Logger) error {
		return table.Refresh(ctx, live, metav1.NamespaceAll)
	})
}

func replicaWith(t *testing.T, config *rest.Config, table *Table, run func(*Table, context.Context, client.Reader, *slog.Logger) error) *replicaOfServer {
	t.Helper()
	w := &wire{cut: make(chan struct{})}
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		w.RoundTripper = next
		return w
	})
	scheme := schemeOfTest(t)
	live, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	cached, err := cache.New(config, cache.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	uses, log := NewUses(live), slog.New(slog.NewTextHandler(io.Discard, nil))
	if err := table.Watch(t.Context(), cached); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(running.Wait) // t.Context ends before
	running.Go(func() { _ = cached.Start(t.Context()) })
	ended := make(chan error, 1)
	running.Go(func() { ended <- run(table, t.Context(), live, log) })
	running.Go(func() { uses.Run(t.Context(), log) })
	return &replicaOfServer{wire: w, ended: ended, Authenticator: New(Options{
		Table: table, Profiles: directory.NewProfiles(nil), Now: time.Now, Used: uses.Add,
	})}
}

func (r *replicaOfServer) ask(ctx context.Context, value string) int {
	return answer(ctx, r.Authenticator, value)
}

// waitFor waits until the replica answers so, and returns how long it took.
func (r *replicaOfServer) waitFor(t *testing.T, value string, want int, patience time.Duration) time.Duration {
	t.Helper()
	start := time.Now()
	err := wait.PollUntilContextTimeout(t.Context(), time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		return r.ask(ctx, value) == want, nil
	})
	if err != nil {
		t.Fatalf("%d and not %d after %v", r.ask(t.Context(), value), want, patience)
	}
	return time.Since(start)
}

// waitRefused waits until the replica answers so, and wants nobody let in who asks later than limit after start, however slow the machine is.
func (r *replicaOfServer) waitRefused(t *testing.T, value string, want int, start time.Time, limit time.Duration) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		asked := time.Since(start)
		got := r.ask(ctx, value)
		if got == http.StatusOK && asked > limit {
			t.Errorf("let in %v after the end of the credential", asked)
		}
		return got == want, nil
	})
	if err != nil {
		t.Fatalf("%d and not %d at last", r.ask(t.Context(), value), want)
	}
}

// issue makes a ScimToken that publishes tok.
func issue(t *testing.T, admin client.Client, name string, tok token.Token) *v1alpha1.ScimToken {
	t.Helper()
	obj := scimToken("team-a", name, "acme")
	if err := admin.Create(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
	obj.Status = scimToken("team-a", name, "acme", tok).Status
	if err := admin.Status().Update(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
	return obj
}

// revocations of a credential, by what ends it.
var waysToRevoke = map[string]func(ctx context.Context, admin client.Client, obj *v1alpha1.ScimToken) error{
	"deletion": func(ctx context.Context, admin client.Client, obj *v1alpha1.ScimToken) error {
		return admin.Delete(ctx, obj)
	},
	"annotation": func(ctx context.Context, admin client.Client, obj *v1alpha1.ScimToken) error {
		patch := `{"metadata":{"annotations":{"` + v1alpha1.AnnotationRevoke + `":"` + obj.Status.Credentials[0].KeyID + `"}}}`
		return admin.Patch(ctx, obj, client.RawPatch("application/merge-patch+json", []byte(patch)))
	},
	"status": func(ctx context.Context, admin client.Client, obj *v1alpha1.ScimToken) error {
		return admin.Status().Patch(ctx, obj, client.RawPatch("application/merge-patch+json", []byte(`{"status":{"credentials":null}}`)))
	},
}

// TestAgainstAPIServer runs two replicas against a real API server.
func TestAgainstAPIServer(t *testing.T) {
	ctrllog.SetLogger(logr.Discard())
	dir := t.TempDir()
	plane := cluster.ForTest(t, cluster.Options{APIServers: 2, CRDDirs: []string{"../../config/crd"}, Dir: dir})
	admin, err := client.New(plane.AdminConfig(0), client.Options{Scheme: schemeOfTest(t)})
	if err != nil {
		t.Fatal(err)
	}
	for _, obj := range []client.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team-a"}}, scimDirectory("team-a", "acme", "")} {
		if err := admin.Create(t.Context(), obj); err != nil {
			t.Fatal(err)
		}
	}
	one, two := startReplica(t, plane.AdminConfig(0)), startReplica(t, plane.AdminConfig(1))
	t.Run("Watch", func(t *testing.T) {
		testRevocations(t, admin, time.Minute, startWatching(t, plane.AdminConfig(0)), startWatching(t, plane.AdminConfig(1)))
	})
	t.Run("Uses", func(t *testing.T) { testUses(t, admin, one, two) })
	t.Run("Strangers", func(t *testing.T) { testStrangers(t, admin, startReplica(t, plane.AdminConfig(0))) })
	close(one.wire.cut)
	close(two.wire.cut)
	t.Run("CutWatch", func(t *testing.T) { testRevocations(t, admin, maxAge, one, two) })
	t.Run("APIServerAway", func(t *testing.T) { testAway(t, admin, plane.APIServer(1), one, two) })
	t.Run("Restored", func(t *testing.T) { testRestored(t, admin, plane, filepath.Join(dir, "etcd")) })
}

// testRevocations: however a credential ends, it ends on both replicas, and nobody is let in by it who asks after limit.
func testRevocations(t *testing.T, admin client.Client, limit time.Duration, replicas ...*replicaOfServer) {
	tokens, objects := map[string]token.Token{}, map[string]*v1alpha1.ScimToken{}
	for name := range waysToRevoke {
		tokens[name] = newToken(t, byte(20+10*limit/time.Second)+byte(len(tokens)))
		objects[name] = issue(t, admin, fmt.Sprintf("revoked-by-%s-%s", name, limit), tokens[name])
	}
	for name, tok := range tokens {
		for _, r := range replicas {
			r.waitFor(t, tok.Reveal(), http.StatusOK, time.Minute)
		}
		if err := waysToRevoke[name](t.Context(), admin, objects[name]); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	for name, tok := range tokens {
		for i, r := range replicas {
			r.waitRefused(t, tok.Reveal(), http.StatusUnauthorized, start, limit)
			t.Logf("revoked by %s: replica %d after %v", name, i, time.Since(start))
		}
	}
}

// testUses: the first use of a credential is written once, whichever replica saw it.
func testUses(t *testing.T, admin client.Client, replicas ...*replicaOfServer) {
	tok := newToken(t, 60)
	owner := issue(t, admin, "used", tok)
	for _, r := range replicas {
		r.waitFor(t, tok.Reveal(), http.StatusOK, time.Minute)
	}
	use := &v1alpha1.ScimTokenUse{}
	key := client.ObjectKey{Namespace: "team-a", Name: v1alpha1.TokenUseName(tok.KeyID())}
	err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		err := admin.Get(ctx, key, use)
		return err == nil, client.IgnoreNotFound(err)
	})
	if err != nil {
		t.Fatal(err)
	}
	if use.Spec.TokenRef.Name != "used" || use.Spec.KeyID != tok.KeyID() || time.Since(use.Spec.LastUsedAt.Time).Abs() > time.Minute {
		t.Errorf("got %+v", use.Spec)
	}
	if len(use.OwnerReferences) != 1 || use.OwnerReferences[0].UID != owner.UID || use.OwnerReferences[0].BlockOwnerDeletion != nil {
		t.Errorf("owners: %+v", use.OwnerReferences)
	}
	if use.Generation != 1 {
		t.Errorf("written %d times", use.Generation)
	}
}

// testStrangers: a thousand of them cost the API server nothing, and a token of Kubernetes makes nobody less of one (SEC-17, TOK-08).
// Nobody else speaks to r: a good credential may have left a use to be written.
func testStrangers(t *testing.T, admin client.Client, r *replicaOfServer) {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "default"}}
	if err := admin.Create(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	request := &authenticationv1.TokenRequest{}
	if err := admin.SubResource("token").Create(t.Context(), account, request); err != nil {
		t.Fatal(err)
	}
	r.waitFor(t, "nobody", http.StatusUnauthorized, time.Minute)
	others, lists, start := r.wire.others.Load(), r.wire.lists.Load(), time.Now()
	for i := range 1000 {
		value := []string{request.Status.Token, newToken(t, byte(i)).Reveal()[:65] + "_", strings.Repeat("x", 40), basicOf("okta", "x")[0]}[i%4]
		if got := r.ask(t.Context(), value); got != http.StatusUnauthorized {
			t.Fatalf("stranger %d: %d", i, got)
		}
	}
	if got := r.wire.others.Load(); got != others {
		t.Errorf("%d requests to the API server", got-others)
	}
	if got := r.wire.lists.Load() - lists; time.Duration(got) > 2*(time.Since(start)/listInterval+2) {
		t.Errorf("%d lists, more than confirm the table", got)
	}
}

// testAway: a replica whose API server does not answer learns of no revocation, so it believes nobody in time; the other one does.
func testAway(t *testing.T, admin client.Client, away *cluster.Process, one, two *replicaOfServer) {
	tok := newToken(t, 70)
	obj := issue(t, admin, "away", tok)
	one.waitFor(t, tok.Reveal(), http.StatusOK, time.Minute)
	two.waitFor(t, tok.Reveal(), http.StatusOK, time.Minute)
	if err := away.Freeze(); err != nil {
		t.Fatal(err)
	}
	if err := admin.Delete(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	one.waitRefused(t, tok.Reveal(), http.StatusUnauthorized, start, maxAge)
	two.waitRefused(t, tok.Reveal(), http.StatusServiceUnavailable, start, maxAge)
	one.waitFor(t, tok.Reveal(), http.StatusUnauthorized, time.Minute)
	if err := away.Resume(); err != nil {
		t.Fatal(err)
	}
	two.waitFor(t, tok.Reveal(), http.StatusUnauthorized, time.Minute)
}
