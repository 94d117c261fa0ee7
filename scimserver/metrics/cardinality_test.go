// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/auth"
	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/httpapi"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// world is scim-server without Kubernetes: whoever says "good" is authenticated for team-a/acme, and every store answers with failure.
type world struct {
	*Metrics
	handler http.Handler
	dir     directory.Directory
	failure error
}

func begin(t testing.TB) *world {
	t.Helper()
	w := &world{Metrics: New()}
	now := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	profile, err := directory.NewProfiles(w.RuleUsed).Of(&v1alpha1.ScimDirectory{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "acme"}})
	if err != nil {
		t.Fatal(err)
	}
	w.dir = directory.Directory{Namespace: "team-a", Name: "acme", Profile: profile}
	w.handler = httpapi.NewHandler(httpapi.Options{
		Users: userStore{w}, Groups: groupStore{w}, Auth: w, Log: slog.New(slog.DiscardHandler), Limits: httpapi.DefaultLimits(),
		Began: w.RequestBegan, Served: w.RequestServed,
		// So slowly do requests come that no rate refuses one.
		Now: func() time.Time {
			now = now.Add(10 * time.Second)
			return now
		},
	})
	return w
}

// Authenticate implements httpapi.Authenticator.
func (w *world) Authenticate(_ context.Context, header http.Header, want auth.Scope) (auth.Identity, error) {
	switch presented := header.Get("Authorization"); {
	case presented == "":
		return auth.Identity{}, &auth.Refusal{}
	case presented == "good" && want == auth.Scope{Namespace: "team-a", Directory: "acme"}:
		return auth.Identity{Directory: w.dir, TokenKeyID: "key"}, nil
	case strings.HasPrefix(presented, "down"):
		return auth.Identity{}, fmt.Errorf("%w: %s", auth.ErrUnavailable, presented)
	default:
		return auth.Identity{}, &auth.Refusal{Presented: true, KeyID: presented}
	}
}

type userStore struct{ w *world }

func (s userStore) Create(context.Context, directory.Directory, scim.Resource) (d directory.Stored, err error) {
	return d, s.w.failure
}

func (s userStore) Get(context.Context, directory.Directory, string) (d directory.Stored, err error) {
	return d, s.w.failure
}

func (s userStore) Modify(context.Context, directory.Directory, string, directory.Precondition, func(scim.Resource) (scim.Resource, error)) (d directory.Stored, err error) {
	return d, s.w.failure
}

func (s userStore) Delete(context.Context, directory.Directory, string, directory.Precondition) error {
	return s.w.failure
}

func (s userStore) List(context.Context, directory.Directory, scim.ListQuery) (p directory.Page, err error) {
	return p, s.w.failure
}

type groupStore struct{ w *world }

func (s groupStore) Create(context.Context, directory.Directory, scim.Resource, bool) (d directory.Stored, err error) {
	return d, s.w.failure
}

func (s groupStore) Get(context.Context, directory.Directory, string, bool) (d directory.Stored, err error) {
	return d, s.w.failure
}

func (s groupStore) Change(context.Context, directory.Directory, string, directory.Precondition, directory.GroupChange, bool) (d directory.Stored, err error) {
	return d, s.w.failure
}

func (s groupStore) Delete(context.Context, directory.Directory, string, directory.Precondition) error {
	return s.w.failure
}

func (s groupStore) List(context.Context, directory.Directory, scim.ListQuery) (p directory.Page, err error) {
	return p, s.w.failure
}

// shape is all of a request but its words.
type shape struct{ method, path, authorization, failure int }

// shapes are all that there are.
func shapes() (all []shape) {
	for method := range 9 {
		for path := range 9 {
			for authorization := range 4 {
				for failure := range 4 {
					all = append(all, shape{method, path, authorization, failure})
				}
			}
		}
	}
	return all
}

// ask sends a request of that shape; word makes up what a stranger may.
func (w *world) ask(t *testing.T, s shape, word func() string) {
	t.Helper()
	const base = "/scim/v2/team-a/acme"
	method := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", strings.ToUpper(word())}[s.method]
	path := []string{
		base + "/Users?filter=userName+eq+%22" + word() + "%22", base + "/Users/" + word(), base + "/Groups", base + "/Groups/" + word(),
		base + "/.search", base + "/Bulk", base + "/" + word(), "/scim/v2/" + word() + "/" + word() + "/Users", "/" + word(),
	}[s.path]
	w.failure = []error{
		errors.New(word()), scim.Errorf(http.StatusNotFound, "", "no %s", word()), scim.Errorf(http.StatusConflict, "uniqueness", "%s", word()), context.DeadlineExceeded,
	}[s.failure]
	body := `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"` + word() + `"}`
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", []string{"", "good", "down" + word(), word()}[s.authorization])
	r.Header.Set("Content-Type", "application/scim+json")
	w.handler.ServeHTTP(httptest.NewRecorder(), r)
}

func (w *world) series(t *testing.T) int {
	t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, family := range families {
		count += len(family.GetMetric())
	}
	return count
}

// TestSEC33LabelsAreClosedSets (Keycloak CVE-2026-16100): whatever anybody sends, there are no more series than before, and nothing of it
// is in them.
func TestSEC33LabelsAreClosedSets(t *testing.T) {
	w, random := begin(t), rand.New(rand.NewPCG(1, 2))
	word := func() string { return fmt.Sprintf("zzcanary%x", random.Uint64()) }
	all := shapes()
	for _, s := range all {
		w.ask(t, s, word)
	}
	before := w.series(t)
	for i := range 10_000 {
		w.ask(t, all[i%len(all)], word)
	}
	if after := w.series(t); after != before || before < 50 {
		t.Errorf("%d series, and %d after 10,000 requests more", before, after)
	}
	if text := strings.ToLower(scrape(t, w.Metrics, http.MethodGet, "/metrics").Body.String()); strings.Contains(text, "zzcanary") {
		t.Errorf("something of a request is in a metric:\n%s", text)
	}
}

// TestInFlight: what begins ends, whatever becomes of it.
func TestInFlight(t *testing.T) {
	w := begin(t)
	for _, s := range shapes() {
		w.ask(t, s, func() string { return "x" })
	}
	if got := scrape(t, w.Metrics, http.MethodGet, "/metrics").Body.String(); !strings.Contains(got, "\nscim_operator_requests_in_flight 0\n") {
		t.Error("somebody is still under way")
	}
}

func BenchmarkRequestServed(b *testing.B) {
	m := New()
	s := httpapi.Served{Namespace: "team-a", Directory: "acme", Method: "GET", Route: "/scim/v2/{namespace}/{directory}/Users/{id}", Status: 200, Took: time.Millisecond, Sent: 800}
	b.ReportAllocs()
	for b.Loop() {
		m.RequestBegan()
		m.RequestServed(s)
	}
}
