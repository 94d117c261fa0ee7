// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/scim-operator/scim-operator/api/token"
	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

// TestAPIServer runs everything that needs an API server against one, each in a namespace of its own.
func TestAPIServer(t *testing.T) {
	control := cluster.ForTest(t, cluster.Options{CRDDirs: []string{"../../config/crd"}})
	types := runtime.NewScheme()
	if err := errors.Join(scheme.AddToScheme(types), v1alpha1.AddToScheme(types)); err != nil {
		t.Fatal(err)
	}
	config := control.AdminConfig(0)
	config.QPS = -1
	c, err := client.NewWithWatch(config, client.Options{Scheme: types})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]func(*served){
		"Rotation": testRotation, "Revocation": testRevocation, "Expiry": testExpiry, "Basic": testBasic, "Provided": testProvided,
		"Newest": testNewest, "Interval": testInterval, "Crash": testCrash, "TwoLeaders": testTwoLeaders, "Backup": testBackup,
		"InTheWay": testInTheWay,
	} {
		t.Run(name, func(t *testing.T) { test(serve(t, c)) })
	}
	t.Run("Watches", func(t *testing.T) { testWatches(serve(t, c), config) })
}

// served is a directory with ScimTokens on a real API server, which checks every status.
type served struct {
	testing.TB
	client.Client
	namespace string
	clock     *clocktesting.FakePassiveClock
	recorder  *events.FakeRecorder
	metrics   *prometheus.Registry
	// writes are counted by verb and kind; refuse, if set, is what becomes of status patches.
	writes map[string]int
	refuse error
}

func serve(t *testing.T, c client.WithWatch) *served {
	t.Helper()
	s := &served{
		TB: t, clock: clocktesting.NewFakePassiveClock(time.Now().Truncate(time.Second)), recorder: events.NewFakeRecorder(1000), metrics: prometheus.NewRegistry(), writes: map[string]int{},
	}
	s.Client = interceptor.NewClient(c, s.counting())
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "token-"}}
	s.must(c.Create(t.Context(), namespace))
	s.namespace = namespace.Name
	dir := &v1alpha1.ScimDirectory{ObjectMeta: s.meta("acme")}
	s.must(c.Create(t.Context(), dir))
	dir.Status.URL = "https://scim.example/scim/v2/ns/acme"
	s.must(c.Status().Update(t.Context(), dir))
	return s
}

func (s *served) counting() interceptor.Funcs {
	count := func(verb string, o client.Object) { s.writes[verb+" "+kindOf(o)]++ }
	return interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			count("create", o)
			return c.Create(ctx, o, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			count("update", o)
			return c.Update(ctx, o, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			count("delete", o)
			return c.Delete(ctx, o, opts...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			count("patch status of", o)
			if s.refuse != nil {
				return s.refuse
			}
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		},
	}
}

func kindOf(o client.Object) string {
	switch o.(type) {
	case *corev1.Secret:
		return "Secret"
	case *v1alpha1.ScimToken:
		return "ScimToken"
	case *v1alpha1.ScimTokenUse:
		return "ScimTokenUse"
	default:
		return "other"
	}
}

func (s *served) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *served) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: s.namespace, Name: name}
}

// make creates a ScimToken.
func (s *served) make(name string, some ...func(*v1alpha1.ScimTokenSpec)) {
	s.Helper()
	tok := &v1alpha1.ScimToken{ObjectMeta: s.meta(name), Spec: v1alpha1.ScimTokenSpec{DirectoryRef: v1alpha1.LocalReference{Name: "acme"}}}
	for _, change := range some {
		change(&tok.Spec)
	}
	s.must(s.Create(s.Context(), tok))
	clear(s.writes)
}

func (s *served) get(name string) *v1alpha1.ScimToken {
	s.Helper()
	tok := &v1alpha1.ScimToken{}
	s.must(s.Get(s.Context(), client.ObjectKey{Namespace: s.namespace, Name: name}, tok))
	return tok
}

// secret is nil if there is none.
func (s *served) secret(name string) *corev1.Secret {
	s.Helper()
	secret := &corev1.Secret{}
	err := s.Get(s.Context(), client.ObjectKey{Namespace: s.namespace, Name: name}, secret)
	s.must(client.IgnoreNotFound(err))
	if err != nil {
		return nil
	}
	return secret
}

func (s *served) change(name string, how func(*v1alpha1.ScimToken)) {
	s.Helper()
	tok := s.get(name)
	how(tok)
	s.must(s.Update(s.Context(), tok))
	clear(s.writes)
}

func (s *served) annotate(name, annotation, value string) {
	s.Helper()
	s.change(name, func(tok *v1alpha1.ScimToken) { metav1.SetMetaDataAnnotation(&tok.ObjectMeta, annotation, value) })
}

// reconciler is a new one, as after a restart.
func (s *served) reconciler() *Reconciler {
	return &Reconciler{Client: s.Client, Live: s.Client, Clock: s.clock, Recorder: s.recorder, Metrics: NewMetrics(s.metrics)}
}

// round reconciles, and looks again: the second time nothing is written. It returns what is stored, and when the
// reconciler comes again.
func (s *served) round(name string) (*v1alpha1.ScimToken, time.Duration) {
	s.Helper()
	if _, err := s.reconciler().Reconcile(s.Context(), s.get(name)); err != nil {
		s.Fatal(err)
	}
	written := maps.Clone(s.writes)
	res, err := s.reconciler().Reconcile(s.Context(), s.get(name))
	if diff := cmp.Diff(written, s.writes); err != nil || diff != "" {
		s.Errorf("a second look (%v) writes:\n%s", err, diff)
	}
	return s.get(name), res.RequeueAfter
}

// wrote wants exactly these writes since the last one that the test made itself.
func (s *served) wrote(want map[string]int) {
	s.Helper()
	if diff := cmp.Diff(want, s.writes); diff != "" {
		s.Errorf("writes (-want +got):\n%s", diff)
	}
	clear(s.writes)
}

// use is what scim-server writes.
func (s *served) use(name, keyID string) {
	s.Helper()
	use := &v1alpha1.ScimTokenUse{ObjectMeta: s.meta(v1alpha1.TokenUseName(keyID)), Spec: v1alpha1.ScimTokenUseSpec{
		TokenRef: v1alpha1.LocalReference{Name: name}, KeyID: keyID, LastUsedAt: metav1.Time{Time: s.clock.Now()},
	}}
	err := s.Create(s.Context(), use)
	if err != nil {
		s.must(s.Get(s.Context(), client.ObjectKeyFromObject(use), use))
		use.Spec.LastUsedAt = metav1.Time{Time: s.clock.Now()}
		s.must(s.Update(s.Context(), use))
	}
	clear(s.writes)
}

func (s *served) pass(d time.Duration) { s.clock.SetTime(s.clock.Now().Add(d)) }

// short is a status without times.
func short(tok *v1alpha1.ScimToken) string {
	words := []string{}
	for _, word := range strings.Fields(summary(&tok.Status)) {
		key, _, ends := strings.Cut(word, "<")
		for i, c := range tok.Status.Credentials {
			if key == c.KeyID {
				key = []string{"newest", "old", "older", "oldest", "first"}[i]
			}
		}
		if ends {
			key += "…"
		}
		words = append(words, key)
	}
	return strings.Join(words, " ")
}

// stands wants the status to be that in short.
func (s *served) stands(name, want string) *v1alpha1.ScimToken {
	s.Helper()
	tok, _ := s.round(name)
	if got := short(tok); got != want {
		s.Errorf("%s stands %q, want %q", name, got, want)
	}
	return tok
}

func (s *served) tokenIn(secret string) token.Token {
	s.Helper()
	parsed, err := token.Parse(string(s.secret(secret).Data[SecretKeyToken]))
	s.must(err)
	return parsed
}

func testRotation(s *served) {
	s.make("okta", func(spec *v1alpha1.ScimTokenSpec) { spec.Rotation.Grace = hours(2) })
	s.stands("okta", "newest Issued")
	s.wrote(map[string]int{"update ScimToken": 1, "create Secret": 1, "patch status of ScimToken": 1})
	first := s.tokenIn("okta")
	s.use("okta", first.KeyID())
	s.stands("okta", "newest Issued")
	s.wrote(map[string]int{"patch status of ScimToken": 1})

	s.annotate("okta", v1alpha1.AnnotationRotate, "1")
	s.pass(time.Hour)
	tok := s.stands("okta", "newest old… Issued Expiring=Within7Days Rotating=WaitingForUse")
	s.wrote(map[string]int{"update Secret": 1, "patch status of ScimToken": 1})
	second := s.tokenIn("okta")
	if c := tok.Status.Credentials; c[0].KeyID != second.KeyID() || c[0].SHA256 != second.SHA256() || c[1].SHA256 != first.SHA256() || tok.Status.Rotated != "1" {
		s.Errorf("after the rotation: %+v", tok.Status)
	}
	s.gauge("scim_operator_token_rotating", 1)
	s.use("okta", first.KeyID())
	s.stands("okta", "newest old… Issued Expiring=Within7Days Rotating=WaitingForUse")

	s.pass(time.Hour)
	s.use("okta", second.KeyID())
	s.stands("okta", "newest old… Issued Rotating=Grace")
	s.gauge("scim_operator_token_rotating", 0)
	s.pass(2*time.Hour - time.Second)
	s.use("okta", second.KeyID())
	_, again := s.round("okta")
	if again != time.Second {
		s.Errorf("comes again in %s, want 1s", again)
	}
	clear(s.writes)
	s.pass(time.Second)
	s.stands("okta", "newest Issued")
	s.wrote(map[string]int{"patch status of ScimToken": 1, "delete ScimTokenUse": 1})

	s.must(s.Delete(s.Context(), s.secret("okta")))
	s.annotate("okta", v1alpha1.AnnotationRotate, strings.Repeat("long", 100))
	s.stands("okta", "newest old… Issued Expiring=Within7Days Rotating=WaitingForUse")
	s.wrote(map[string]int{"create Secret": 1, "patch status of ScimToken": 1})
	s.told("Accepted", "WaitingForUse", "Grace", "Ended")
}

// gauge wants a metric of the one ScimToken to have that value.
func (s *served) gauge(name string, want float64) {
	s.Helper()
	families, err := s.metrics.Gather()
	s.must(err)
	for _, family := range families {
		if family.GetName() == name && family.Metric[0].Gauge.GetValue() == want {
			return
		}
	}
	s.Errorf("%s is not %v: %v", name, want, families)
}

// told wants events with these reasons.
func (s *served) told(reasons ...string) {
	s.Helper()
	all := ""
	for len(s.recorder.Events) > 0 {
		all += <-s.recorder.Events + "\n"
	}
	for _, reason := range reasons {
		if !strings.Contains(all, " "+reason+" ") {
			s.Errorf("no event %s in\n%s", reason, all)
		}
	}
}

func testRevocation(s *served) {
	s.make("okta")
	s.stands("okta", "newest Issued")
	leaked := s.tokenIn("okta")
	s.annotate("okta", v1alpha1.AnnotationRevoke, leaked.KeyID())
	s.stands("okta", "Revoked")
	s.wrote(map[string]int{"patch status of ScimToken": 1})
	s.annotate("okta", v1alpha1.AnnotationRevoke, "")
	s.stands("okta", "Revoked")
	s.wrote(map[string]int{})

	s.annotate("okta", v1alpha1.AnnotationRevoke, "*")
	s.annotate("okta", v1alpha1.AnnotationRotate, "after the leak")
	s.stands("okta", "Revoked")
	s.annotate("okta", v1alpha1.AnnotationRevoke, leaked.KeyID())
	s.stands("okta", "newest Issued")
	s.wrote(map[string]int{"update Secret": 1, "patch status of ScimToken": 1})
	if s.tokenIn("okta").KeyID() == leaked.KeyID() {
		s.Error("what leaked is back")
	}
	s.told("Revoked", "Accepted", "Ended")
}

func testExpiry(s *served) {
	s.make("okta", func(spec *v1alpha1.ScimTokenSpec) {
		spec.ExpiresAt = &metav1.Time{Time: s.clock.Now().Add(40 * day)}
	})
	s.stands("okta", "newest… Issued")
	before := s.secret("okta").ResourceVersion
	for _, step := range []struct {
		pass time.Duration
		want string
	}{
		{10 * day, "newest… Issued Expiring=Within30Days"}, {23 * day, "newest… Issued Expiring=Within7Days"},
		{6 * day, "newest… Issued Expiring=Within1Day"}, {day, "newest… Expired"}, {day, "newest… Expired"},
	} {
		clear(s.writes)
		s.pass(step.pass)
		s.stands("okta", step.want)
	}
	s.wrote(map[string]int{})
	s.change("okta", func(tok *v1alpha1.ScimToken) { tok.Spec.ExpiresAt = &metav1.Time{Time: s.clock.Now().Add(90 * day)} })
	s.stands("okta", "newest… Issued")
	if s.secret("okta").ResourceVersion != before {
		s.Error("the Secret was touched")
	}
	s.told("Within30Days", "Within7Days", "Within1Day", "Expired")
	s.gauge("scim_operator_token_expiry_timestamp_seconds", float64(s.clock.Now().Add(90*day).Unix()))
}

func testBasic(s *served) {
	s.make("ping", func(spec *v1alpha1.ScimTokenSpec) { spec.Type, spec.SecretName = v1alpha1.TokenBasic, "for-ping" })
	tok := s.stands("ping", "newest Issued")
	data := s.secret("for-ping").Data
	parsed, err := token.Parse(string(data[SecretKeyPassword]))
	s.must(err)
	c := tok.Status.Credentials[0]
	if c.Username != "ping" || string(data[SecretKeyUsername]) != "ping" || c.SHA256 != parsed.SHA256() || c.KeyID != parsed.KeyID() || len(data) != 4 {
		s.Errorf("%+v, Secret with %d keys", c, len(data))
	}
	text := string(data[SecretKeyInstructions])
	if !strings.Contains(text, string(data[SecretKeyURL])) || !strings.Contains(text, "Basic Auth") || strings.Contains(text, parsed.Reveal()) {
		s.Errorf("instructions:\n%s", text)
	}
}

func testInterval(s *served) {
	s.make("okta", func(spec *v1alpha1.ScimTokenSpec) {
		spec.Rotation.Interval, spec.Rotation.Deadline = hours(24), hours(200)
	})
	s.stands("okta", "newest Issued")
	inUse := s.tokenIn("okta").KeyID()
	s.use("okta", inUse)
	for range 6 {
		s.pass(24 * time.Hour)
		clear(s.writes)
		s.round("okta")
		s.wrote(map[string]int{"update Secret": 1, "patch status of ScimToken": 1})
	}
	if tok := s.get("okta"); len(tok.Status.Credentials) != maxCredentials || !has(tok.Status.Credentials, inUse) {
		s.Errorf("after six rotations that the identity provider did not follow: %s", summary(&tok.Status))
	}
}

// testCrash: what is in the Secret is published, not another one, the first time and at a rotation.
func testCrash(s *served) {
	s.make("okta")
	for _, rotate := range []string{"", "1"} {
		if rotate != "" {
			s.annotate("okta", v1alpha1.AnnotationRotate, rotate)
		}
		s.refuse = errors.New("crash")
		if _, err := s.reconciler().Reconcile(s.Context(), s.get("okta")); !errors.Is(err, s.refuse) {
			s.Fatalf("%v, want the crash", err)
		}
		made := s.tokenIn("okta")
		s.refuse = nil
		if tok, _ := s.round("okta"); tok.Status.Credentials[0].SHA256 != made.SHA256() {
			s.Error("the published hash is not of the token in the Secret")
		}
	}
}

// testTwoLeaders: both see that a rotation is due, one with an old view. One credential comes of it, and it is the one in the Secret.
func testTwoLeaders(s *served) {
	s.make("okta")
	s.stands("okta", "newest Issued")
	s.annotate("okta", v1alpha1.AnnotationRotate, "1")
	stale := s.get("okta")
	s.stands("okta", "newest old… Issued Rotating=WaitingForUse")
	if _, err := s.reconciler().Reconcile(s.Context(), stale.DeepCopy()); err == nil {
		s.Error("a status was written on top of one that was not seen")
	}
	s.annotate("okta", v1alpha1.AnnotationRotate, "2")
	s.stands("okta", "newest old… older… Issued Rotating=WaitingForUse")
	if _, err := s.reconciler().Reconcile(s.Context(), stale); !errors.Is(err, errOldView) {
		s.Errorf("%v, want that the view is old", err)
	}
	tok := s.stands("okta", "newest old… older… Issued Rotating=WaitingForUse")
	if tok.Status.Credentials[0].SHA256 != s.tokenIn("okta").SHA256() {
		s.Error("the Secret holds what nobody accepts")
	}
}

// testBackup: a ScimToken and its Secret come back without the status, and the token is accepted again. A Secret that comes back alone brings nothing back.
func testBackup(s *served) {
	s.make("okta")
	s.stands("okta", "newest Issued")
	saved := s.secret("okta")
	saved.ResourceVersion, saved.UID = "", ""
	s.must(s.Delete(s.Context(), s.get("okta")))
	_, err := s.reconciler().Reconcile(s.Context(), s.get("okta"))
	s.must(err)
	if s.secret("okta") != nil {
		s.Error("the Secret is left")
	}
	s.must(s.Create(s.Context(), saved.DeepCopy()))
	s.make("okta")
	if tok := s.stands("okta", "newest Issued"); tok.Status.Credentials[0].SHA256 != s.tokenIn("okta").SHA256() {
		s.Error("another token is accepted")
	}

	s.annotate("okta", v1alpha1.AnnotationRotate, "1")
	s.change("okta", func(tok *v1alpha1.ScimToken) { tok.Spec.Rotation.Deadline = hours(0) })
	s.stands("okta", "newest Issued")
	s.must(s.Delete(s.Context(), s.secret("okta")))
	s.must(s.Create(s.Context(), saved.DeepCopy()))
	s.stands("okta", "newest InvalidSecret")
	s.annotate("okta", v1alpha1.AnnotationRotate, "2")
	s.stands("okta", "newest Issued")
	if s.tokenIn("okta").SHA256() == sum(string(saved.Data[SecretKeyToken])) {
		s.Error("a token that has ended is back")
	}
}

// testInTheWay: Secrets that cannot be written to. What is accepted stays, and the reconciler looks again.
func testInTheWay(s *served) {
	s.make("okta")
	s.stands("okta", "newest Issued")
	secret := s.secret("okta")
	secret.Immutable = ptr.To(true)
	s.must(s.Update(s.Context(), secret))
	s.annotate("okta", v1alpha1.AnnotationRotate, "1")
	s.stands("okta", "newest SecretConflict")
	s.must(s.Delete(s.Context(), secret))
	s.must(s.Create(s.Context(), &corev1.Secret{ObjectMeta: s.meta("okta"), StringData: map[string]string{"theirs": "yes"}}))
	tok, again := s.round("okta")
	if got := short(tok); got != "newest SecretConflict" || again > 2*lookAgain {
		s.Errorf("stands %q, looks again in %s", got, again)
	}
	s.annotate("okta", v1alpha1.AnnotationRevoke, tok.Status.Credentials[0].KeyID)
	s.stands("okta", "SecretConflict")
	s.must(s.Delete(s.Context(), s.secret("okta")))
	s.stands("okta", "newest Issued")
}
