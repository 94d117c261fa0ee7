// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// connectorValues are those with which render.sh makes config/kubernetes-connector.
func connectorValues() []string {
	return []string{"--set=kubernetesConnector.enabled=true", "--set=kubernetesConnector.clusterRoles={view}"}
}

// TestConfigIsTheChart keeps kustomize users where Helm users are. config/default adds the namespace, which Helm leaves
// to --create-namespace.
func TestConfigIsTheChart(t *testing.T) {
	for name, c := range map[string]struct {
		overlay, reason string
		want            manifests
		extra           string
	}{
		"Default": {
			overlay: "default", reason: "render.sh was not run, or a kustomization.yaml misses a file",
			want: template(t, "--include-crds"), extra: "Namespace//" + namespace,
		},
		"KubernetesConnector": {
			overlay: "kubernetes-connector", reason: "it holds what enabling the connector adds",
			want: difference(template(t, connectorValues()...), template(t)),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := parse(t, mustRun(t, kubectl(t), "kustomize", root+"/config/"+c.overlay))
			if _, found := got[c.extra]; c.extra != "" && !found {
				t.Errorf("config/%s lacks %s", c.overlay, c.extra)
			}
			delete(got, c.extra)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s: run `make generate`; config/%s differs from the chart (-chart +config):\n%s", c.reason, c.overlay, diff)
			}
		})
	}
}

// TestComponents: what is opt-in in the chart is opt-in in kustomize, and both are the same.
func TestComponents(t *testing.T) {
	overlay := t.TempDir()
	config, err := filepath.Abs(root + "/config")
	if err != nil {
		t.Fatal(err)
	}
	to, err := filepath.Rel(overlay, config)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, overlay+"/kustomization.yaml", strings.ReplaceAll("resources: [TO/default, TO/monitoring]\ncomponents: [TO/metrics]\n", "TO", to))
	got := parse(t, mustRun(t, kubectl(t), "kustomize", overlay))
	delete(got, "Namespace//"+namespace)
	want := template(t, "--include-crds", "--set="+strings.ReplaceAll(monitored, "metrics.serviceMonitor.labels.release=prometheus,", ""))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("run `make generate`; config/default with metrics and monitoring differs from the chart (-chart +config):\n%s", diff)
	}
}

// difference is what is in more and not in less.
func difference(more, less manifests) manifests {
	found := manifests{}
	for key, object := range more {
		if less[key] == nil {
			found[key] = object
		}
	}
	return found
}

func TestChartHasTheGeneratedCRDs(t *testing.T) {
	want, got := readFiles(t, root+"/config/crd/scim-operator.dev_*.yaml"), readFiles(t, chartDir+"/crds/*.yaml")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("run `make generate`; crds/ of the chart differs from config/crd (-config +chart):\n%s", diff)
	}
	if len(want) == 0 {
		t.Error("config/crd is empty")
	}
}

func readFiles(t *testing.T, pattern string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = string(content)
	}
	return files
}

func TestLint(t *testing.T) {
	mustHelm(t, "lint", "--strict", chartDir)
	mustHelm(t, append([]string{"lint", "--strict", chartDir}, connectorValues()...)...)
}

// TestWrongValues: a misspelt value that is silently ignored is found when it is needed.
func TestWrongValues(t *testing.T) {
	for name, c := range map[string]struct{ reason, set, wantErr string }{
		"UnknownKey":          {"nothing reads it", "typo=1", "additional properties 'typo' not allowed"},
		"UnknownNestedKey":    {"nothing reads it", "server.replica=3", "additional properties 'replica' not allowed"},
		"UnknownImageKey":     {"nothing reads it", "controller.image.name=a", "additional properties 'name' not allowed"},
		"UnknownPolicyKey":    {"nothing reads it", "policy.enable=false", "additional properties 'enable' not allowed"},
		"WrongType":           {"a string is no number", "server.replicas=two", "got string, want integer"},
		"PlainHTTP":           {"tokens would travel in the clear", "publicURL=http://scim.example.com", "does not match pattern"},
		"TrailingSlash":       {"URLs would have two", "publicURL=https://scim.example.com/", "does not match pattern"},
		"IngressWithoutHost":  {"it would catch every host", "ingress.enabled=true", "at '/ingress/host'"},
		"ConnectorWithoutAny": {"it could bind nothing", "kubernetesConnector.enabled=true", "what may be bound"},
		"ConnectorWildcard":   {"it could bind cluster-admin", "kubernetesConnector.clusterRoles={*}", "does not match pattern"},
		"QuoteInGroup":        {"it would end a CEL string", "policy.breakGlassGroup=a'b", "does not match pattern"},
		"QuoteInAccount":      {"it would end a CEL string", "server.serviceAccountName=a'b", "does not match pattern"},
		"LogLevel":            {"the program would not start", "logLevel=loud", "must be one of"},
		"RouteWithoutParent":  {"nothing would serve it", "httpRoute.enabled=true,httpRoute.hostnames={a.example.com}", "at '/httpRoute/parentRefs'"},
		"RouteWithoutHost":    {"it would catch every host", "httpRoute.enabled=true,httpRoute.parentRefs[0].name=a", "at '/httpRoute/hostnames'"},
		"NoIssuer":            {"nobody would sign", "server.tls.certManager.enabled=true", "at '/server/tls/certManager/issuerRef/name'"},
		"MinutesOfDelay":      {"the grace period is computed in seconds", "server.shutdownDelay=1m", "does not match pattern"},
		"ProxyAddress":        {"the program wants networks", "server.trustedProxies={10.0.0.1}", "does not match pattern"},
		"EgressName":          {"the program wants networks", "controller.allowEgress={localhost}", "does not match pattern"},
		"NothingToMonitor":    {"Prometheus would find nothing", "metrics.serviceMonitor.enabled=true", "what may be fetched"},
		"SecretsTwice":        {"one of them would be ignored", "watchNamespaces={a},secretNamespaces={b}", "secretNamespaces is for watchNamespaces: []"},
		"NoDigest":            {"a short digest is none", "server.image.digest=sha256:12", "does not match pattern"},
	} {
		t.Run(name, func(t *testing.T) {
			output, err := helm(t, "template", release, chartDir, "--set="+c.set)
			if err == nil || !strings.Contains(err.Error(), c.wantErr) {
				t.Errorf("%s (%s): got error %v and %d bytes, want an error with %q", c.set, c.reason, err, len(output), c.wantErr)
			}
		})
	}
}

func TestPublicURL(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		values []string
		want   string
	}{
		"Default":  {"the Service is all there is", nil, "http://scim-server.scim-system.svc"},
		"Port":     {"the Service has another port", []string{"--set=service.port=8000"}, "http://scim-server.scim-system.svc:8000"},
		"Ingress":  {"the Ingress is public", []string{"--set=ingress.enabled=true,ingress.host=scim.example.com"}, "https://scim.example.com"},
		"Explicit": {"whoever says it knows", []string{"--set=ingress.enabled=true,ingress.host=scim.example.com,publicURL=https://idp.example.com/a"}, "https://idp.example.com/a"},
		"Loopback": {"a port-forward", []string{"--set=publicURL=http://127.0.0.1:8080"}, "http://127.0.0.1:8080"},
	} {
		t.Run(name, func(t *testing.T) {
			args := template(t, c.values...).args(t, "scim-controller")
			if want := "--public-url=" + c.want; !slices.Contains(args, want) {
				t.Errorf("%s: got %q, want %s among them", c.reason, args, want)
			}
		})
	}
}

// TestFlags: a program that does not know a flag ends at once.
func TestFlags(t *testing.T) {
	m := template(t, "--set=watchNamespaces={team-a}", "--set=server.metrics.enabled=true,controller.metrics.enabled=true",
		"--set=server.trustedProxies={10.0.0.0/8},server.audit.enabled=false,server.tls.secretName=tls,controller.allowEgress={127.0.0.1/32}")
	for _, program := range []string{"scim-server", "scim-controller"} {
		var source strings.Builder
		for _, content := range readFiles(t, root+"/cmd/"+program+"/*.go") {
			source.WriteString(content)
		}
		for _, arg := range m.args(t, program) {
			flag, _, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
			if !strings.Contains(source.String(), `"`+flag+`", `) {
				t.Errorf("cmd/%s declares no flag --%s", program, flag)
			}
		}
	}
}

// TestWatchNamespaces: with a list, nothing but the policies and the connector reaches beyond the namespaces.
func TestWatchNamespaces(t *testing.T) {
	m := template(t, "--set=watchNamespaces={team-a,team-b}")
	if everywhere := m.ofKind("ClusterRoleBinding"); len(everywhere) > 0 {
		t.Errorf("got ClusterRoleBinding %q, want none", everywhere[0].GetName())
	}
	for _, program := range []string{"scim-server", "scim-controller"} {
		for _, watched := range []string{"team-a", "team-b"} {
			if m["RoleBinding/"+watched+"/"+program] == nil {
				t.Errorf("%s has no RoleBinding in %s", program, watched)
			}
		}
		if args := m.args(t, program); !slices.Contains(args, "--namespaces=team-a,team-b") {
			t.Errorf("%s has args %q, want --namespaces=team-a,team-b among them", program, args)
		}
	}
}

// TestMetrics: where they are on, Prometheus finds the port by name and may connect to it; where they are off there is none.
func TestMetrics(t *testing.T) {
	for _, program := range []string{"scim-server", "scim-controller"} {
		for values, want := range map[string]bool{
			"networkPolicy.enabled=true": false,
			"networkPolicy.enabled=true,server.metrics.enabled=true,controller.metrics.enabled=true": true,
		} {
			m := template(t, "--set="+values)
			if got := slices.Contains(m.args(t, program), "--metrics-listen=:8083"); got != want {
				t.Errorf("%s with %s listens: %t", program, values, got)
			}
			for _, kind := range []string{"Deployment", "NetworkPolicy", "Service"} {
				object := m[kind+"/"+namespace+"/"+program]
				if kind == "Service" {
					object = m[kind+"/"+namespace+"/"+program+"-metrics"]
				}
				if got := strings.Contains(fmt.Sprint(object), ":metrics"); got != want {
					t.Errorf("%s of %s with %s has the port: %t", kind, program, values, got)
				}
			}
			if public := fmt.Sprint(m["Service/"+namespace+"/scim-server"]); strings.Contains(public, "metrics") {
				t.Errorf("the Service of scim-server shows metrics: %s", public)
			}
		}
	}
}

func TestOptionalObjects(t *testing.T) {
	for name, c := range map[string]struct {
		reason, set, object string
		want                bool
	}{
		"IngressOff":       {"it needs a host", "logLevel=info", "Ingress/scim-system/scim-server", false},
		"IngressOn":        {"it was asked for", "ingress.enabled=true,ingress.host=a.example.com", "Ingress/scim-system/scim-server", true},
		"PolicyOff":        {"it was asked for", "policy.enabled=false", "ValidatingAdmissionPolicy//scim-operator-status", false},
		"PolicyOn":         {"the default", "logLevel=info", "ValidatingAdmissionPolicy//scim-operator-status", true},
		"ConnectorOff":     {"the default", "logLevel=info", "ClusterRole//scim-controller-kubernetes-connector", false},
		"NetworkPolicyOn":  {"the default", "logLevel=info", "NetworkPolicy/scim-system/scim-server", true},
		"NetworkPolicyOff": {"it was asked for", "networkPolicy.enabled=false", "NetworkPolicy/scim-system/scim-server", false},
		"RouteOff":         {"it needs a Gateway", "logLevel=info", "HTTPRoute/scim-system/scim-server", false},
		"RouteOn":          {"it was asked for", routeValues, "HTTPRoute/scim-system/scim-server", true},
		"MonitorsOff":      {"its kind may not exist", "server.metrics.enabled=true", "ServiceMonitor/scim-system/scim-server", false},
		"RulesOff":         {"their kind may not exist", "server.metrics.enabled=true", "PrometheusRule/scim-system/scim-operator", false},
		"DashboardOff":     {"nobody may look for it", "server.metrics.enabled=true", "ConfigMap/scim-system/scim-operator-dashboard", false},
		"MetricsOff":       {"the default", "logLevel=info", "Service/scim-system/scim-server-metrics", false},
		"MetricsOn":        {"it was asked for", "server.metrics.enabled=true", "Service/scim-system/scim-server-metrics", true},
		"MetricsOfOther":   {"each has its own switch", "server.metrics.enabled=true", "Service/scim-system/scim-controller-metrics", false},
		"BudgetForOne":     {"a single pod could never be drained", "server.replicas=1", "PodDisruptionBudget/scim-system/scim-server", false},
		"BudgetForTwo":     {"the default", "logLevel=info", "PodDisruptionBudget/scim-system/scim-server", true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := template(t, "--set="+c.set)[c.object] != nil; got != c.want {
				t.Errorf("%s: %s with %s: got %t, want %t", c.reason, c.object, c.set, got, c.want)
			}
		})
	}
}
