// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

func TestParseOptions(t *testing.T) {
	defaults := options{listen: ":8080", healthListen: ":8081", metricsListen: "0", auditLog: "-", shutdownDelay: 5 * time.Second}
	cases := map[string]struct {
		reason  string
		args    []string
		want    func(*options)
		wantErr bool
	}{
		"Defaults":   {reason: "all namespaces of the cluster that we run in", want: func(*options) {}},
		"Namespaces": {reason: "a list as people write it", args: []string{"--namespaces", " team-a,,team-b, "}, want: func(o *options) { o.namespaces = []string{"team-a", "team-b"} }},
		"All": {
			reason: "every flag", args: []string{"--kubeconfig=k", "--listen=:1", "--health-listen=:2", "--metrics-listen=:3", "--audit-log=a", "--shutdown-delay=1s", "--log-level=debug", "--tls-cert-dir=d", "--trusted-proxies", " 10.0.0.0/8,, fd00::/8"},
			want: func(o *options) {
				o.tlsCertDir, o.proxies = "d", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
				o.kubeconfig, o.listen, o.healthListen, o.metricsListen, o.auditLog, o.shutdownDelay, o.logLevel = "k", ":1", ":2", ":3", "a", time.Second, slog.LevelDebug
			},
		},
		"UnknownFlag": {reason: "a typing error must not be ignored", args: []string{"--namespace=x"}, wantErr: true},
		"Argument":    {reason: "flags after an argument would be ignored", args: []string{"x", "--listen=:1"}, wantErr: true},
		"BadProxy":    {reason: "an address is no network", args: []string{"--trusted-proxies=10.0.0.1"}, wantErr: true},
		"AnyProxy":    {reason: "everybody would choose their address", args: []string{"--trusted-proxies=0.0.0.0/0"}, wantErr: true},
		"BadLevel":    {reason: "not a level", args: []string{"--log-level=loud"}, wantErr: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			got, err := parseOptions(tc.args, &stderr)
			if tc.wantErr {
				if err == nil || stderr.Len() == 0 {
					t.Errorf("%s: error %v, stderr %q", tc.reason, err, stderr.String())
				}
				return
			}
			want := defaults
			tc.want(&want)
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(options{}), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" || err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", tc.reason, err, diff)
			}
		})
	}
}

// TestLibrariesCannotPrintBodies: client-go logs bodies from V(8) on and URLs from V(6); no flag of ours may open that.
func TestLibrariesCannotPrintBodies(t *testing.T) {
	var out bytes.Buffer
	log := setUpLogs(&out, slog.LevelDebug-10)
	for v := 1; v <= 10; v++ {
		klog.V(klog.Level(v)).Info("canary") //nolint:gosec // 1 to 10
		klog.Background().V(v).Info("canary")
		klog.FromContext(t.Context()).WithName("x").WithValues("k", "v").V(v).Info("canary")
		ctrllog.Log.WithName("x").V(v).Info("canary")
	}
	if out.Len() > 0 {
		t.Errorf("printed: %s", out.String())
	}
	klog.Background().Info("heard")
	ctrllog.Log.Info("heard")
	log.Debug("heard")
	if got := strings.Count(out.String(), `"msg":"heard"`); got != 3 {
		t.Errorf("%d of 3 lines as JSON:\n%s", got, out.String())
	}
}

func TestCommandReportsWhatIsWrong(t *testing.T) {
	if err := command(t.Context(), []string{"--help"}, io.Discard, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("--help: %v", err)
	}
	var stderr bytes.Buffer
	if err := command(t.Context(), []string{"--kubeconfig=/nonexistent"}, io.Discard, &stderr); err == nil || !strings.Contains(stderr.String(), "load the configuration") {
		t.Errorf("got %v, log %s", err, stderr.String())
	}
}

// TestServesWithoutTheAPIServer: the process starts while the API server is away, answers 503, is alive and not ready, and
// ends well when it is told to.
func TestServesWithoutTheAPIServer(t *testing.T) {
	dead := listenLow(t)
	kubeconfig := writeKubeconfig(t, "http://"+dead.Addr().String())
	scim, health, metrics := listenLow(t), listenLow(t), listenLow(t)
	scimURL, healthURL, metricsURL := "http://"+scim.Addr().String(), "http://"+health.Addr().String(), "http://"+metrics.Addr().String()
	_, _, _, _ = dead.Close(), scim.Close(), health.Close(), metrics.Close()

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- command(ctx, []string{"--kubeconfig", kubeconfig, "--listen", scim.Addr().String(), "--health-listen", health.Addr().String(), "--metrics-listen", metrics.Addr().String(), "--shutdown-delay=0s"}, io.Discard, io.Discard)
	}()
	waitFor(t, healthURL+"/healthz", http.StatusOK)
	if got := status(t, healthURL+"/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d", got)
	}
	if got := status(t, scimURL+"/scim/v2/team-a/acme/Users"); got != http.StatusServiceUnavailable {
		t.Errorf("SCIM: %d, want 503: an empty cache is no reason for a 401", got)
	}
	if got := body(t, metricsURL+"/metrics"); !strings.Contains(got, `scim_operator_requests_total{code="503",directory="",method="GET",namespace="",route=""} 1`) {
		t.Errorf("/metrics has not counted the request:\n%s", got)
	}
	if got := status(t, scimURL+"/metrics"); got == http.StatusOK {
		t.Error("metrics are on the listener that the internet reaches")
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func body(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestListensToAllOrNothing: a process that cannot have all of its listeners leaves none behind.
func TestListensToAllOrNothing(t *testing.T) {
	free, taken := listenLow(t), listenLow(t)
	address := free.Addr().String()
	_ = free.Close()
	if _, err := listen(t.Context(), options{listen: address, healthListen: taken.Addr().String(), metricsListen: metricsOff}); err == nil || !strings.Contains(err.Error(), "listen for health checks") {
		t.Errorf("with a port that is taken: %v", err)
	}
	_ = taken.Close()
	on, err := listen(t.Context(), options{listen: address, healthListen: taken.Addr().String(), metricsListen: metricsOff})
	if err != nil || on.metrics != nil {
		t.Fatalf("the first listener was left open, or metrics are not off: %+v, %v", on, err)
	}
	_ = on.close()
}

func writeKubeconfig(t *testing.T, server string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	const text = `{"apiVersion":"v1","kind":"Config","current-context":"x","contexts":[{"name":"x","context":{"cluster":"x"}}],"clusters":[{"name":"x","cluster":{"server":"SERVER"}}]}`
	if err := os.WriteFile(path, []byte(strings.Replace(text, "SERVER", server, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// listenLow listens below the ephemeral ports, where no client's port can take the place between two listeners.
func listenLow(t *testing.T) net.Listener {
	t.Helper()
	var config net.ListenConfig
	for port := 21000 + os.Getpid()%4000; port < 32000; port++ {
		address := net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
		if l, err := config.Listen(t.Context(), "tcp", address.String()); err == nil {
			return l
		}
	}
	t.Fatal("no free port")
	return nil
}

func status(t *testing.T, url string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func waitFor(t *testing.T, url string, want int) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for status(t, url) != want {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not become %d", url, want)
		}
		<-time.After(10 * time.Millisecond) // until asked again
	}
}

// TestRESTMapperKnowsLists: a cache of several namespaces looks the kind of a list up before it reads; a kind that is missing
// here would turn every request into a 503.
func TestRESTMapperKnowsLists(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	used := []runtime.Object{
		&v1alpha1.ScimDirectory{}, &v1alpha1.ScimToken{}, &v1alpha1.ScimTokenList{},
		&v1alpha1.ScimUser{}, &v1alpha1.ScimUserList{}, &v1alpha1.ScimName{}, &v1alpha1.ScimNameList{},
		&v1alpha1.ScimGroup{}, &v1alpha1.ScimGroupList{}, &v1alpha1.ScimMemberSlice{}, &v1alpha1.ScimMemberSliceList{},
	}
	for _, obj := range used {
		if namespaced, err := apiutil.IsObjectNamespaced(obj, scheme, restMapper()); err != nil || !namespaced {
			t.Errorf("%T: namespaced %t, %v", obj, namespaced, err)
		}
	}
	mapping, err := restMapper().RESTMapping(v1alpha1.GroupVersion.WithKind("ScimDirectory").GroupKind())
	if err != nil || mapping.Resource.Resource != "scimdirectories" {
		t.Errorf("resource of ScimDirectory: %v, %v", mapping, err)
	}
}

// TestSlimKeepsWhatIsRead: tokens and directories are read with their status, users and groups without, and of annotations only when
// a resource was changed last and that a user is protected.
func TestSlimKeepsWhatIsRead(t *testing.T) {
	meta := metav1.ObjectMeta{Name: "a", ResourceVersion: "7", Annotations: map[string]string{v1alpha1.AnnotationLastModified: "then"}}
	managed := *meta.DeepCopy()
	managed.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "scim-server"}}
	annotated, bare := *managed.DeepCopy(), *meta.DeepCopy()
	annotated.Annotations[v1alpha1.AnnotationRequestID], bare.Annotations = "7", nil
	protected, kept := *annotated.DeepCopy(), *meta.DeepCopy()
	protected.Annotations[v1alpha1.AnnotationProtected], kept.Annotations[v1alpha1.AnnotationProtected] = "break glass", "break glass"
	spec := v1alpha1.ScimUserSpec{UserName: "ada"}
	members := v1alpha1.ScimMemberSliceSpec{Users: []string{"ada"}}
	token := v1alpha1.ScimTokenStatus{Credentials: []v1alpha1.TokenCredential{{}}}
	directory := v1alpha1.ScimDirectoryStatus{URL: "https://scim.example"}
	for name, c := range map[string]struct{ in, want client.Object }{
		"User": {
			&v1alpha1.ScimUser{ObjectMeta: annotated, Spec: spec, Status: v1alpha1.ScimUserStatus{ObservedGeneration: 1}},
			&v1alpha1.ScimUser{ObjectMeta: meta, Spec: spec},
		},
		"Group": {
			&v1alpha1.ScimGroup{ObjectMeta: annotated, Status: v1alpha1.ScimGroupStatus{Members: 1}},
			&v1alpha1.ScimGroup{ObjectMeta: meta},
		},
		"protected": {
			&v1alpha1.ScimUser{ObjectMeta: protected, Spec: spec}, &v1alpha1.ScimUser{ObjectMeta: kept, Spec: spec},
		},
		"never changed": {&v1alpha1.ScimUser{ObjectMeta: bare, Spec: spec}, &v1alpha1.ScimUser{ObjectMeta: bare, Spec: spec}},
		"MemberSlice":   {&v1alpha1.ScimMemberSlice{ObjectMeta: annotated, Spec: members}, &v1alpha1.ScimMemberSlice{ObjectMeta: bare, Spec: members}},
		"Token":         {&v1alpha1.ScimToken{ObjectMeta: managed, Status: token}, &v1alpha1.ScimToken{ObjectMeta: meta, Status: token}},
		"Directory":     {&v1alpha1.ScimDirectory{ObjectMeta: managed, Status: directory}, &v1alpha1.ScimDirectory{ObjectMeta: meta, Status: directory}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := slim(c.in)
			if diff := cmp.Diff(any(c.want), got); diff != "" || err != nil {
				t.Errorf("slim: %v %s", err, diff)
			}
		})
	}
}
