// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	tlsValues   = "server.tls.certManager.enabled=true,server.tls.certManager.issuerRef.name=ca"
	routeValues = "httpRoute.enabled=true,httpRoute.hostnames={scim.example.com},httpRoute.parentRefs[0].name=public"
	monitored   = "server.metrics.enabled=true,controller.metrics.enabled=true,metrics.serviceMonitor.enabled=true," +
		"metrics.serviceMonitor.labels.release=prometheus,metrics.prometheusRule.enabled=true,metrics.dashboard.enabled=true"
)

// TestFlagValues: every flag that has a value, and that it is not there when the value says nothing.
func TestFlagValues(t *testing.T) {
	for name, c := range map[string]struct {
		reason, program, set, flag, want string
	}{
		"NoProxies":    {"nobody is believed", "scim-server", "logLevel=info", "trusted-proxies", ""},
		"Proxies":      {"", "scim-server", "server.trustedProxies={10.0.0.0/8,fd00::/8}", "trusted-proxies", "--trusted-proxies=10.0.0.0/8,fd00::/8"},
		"Audit":        {"the program's default is on", "scim-server", "server.audit.enabled=true", "audit-log", ""},
		"NoAudit":      {"empty means off", "scim-server", "server.audit.enabled=false", "audit-log", "--audit-log="},
		"NoTLS":        {"an Ingress ends it", "scim-server", "logLevel=info", "tls-cert-dir", ""},
		"TLS":          {"a Secret of one's own", "scim-server", "server.tls.secretName=mine", "tls-cert-dir", "--tls-cert-dir=/etc/scim-server/tls"},
		"TLSPort":      {"the usual port of HTTPS", "scim-server", "server.tls.secretName=mine", "listen", "--listen=:8443"},
		"PlainPort":    {"", "scim-server", "logLevel=info", "listen", "--listen=:8080"},
		"Delay":        {"", "scim-server", "server.shutdownDelay=12s", "shutdown-delay", "--shutdown-delay=12s"},
		"NoEgress":     {"", "scim-controller", "logLevel=info", "allow-egress", ""},
		"Egress":       {"", "scim-controller", "controller.allowEgress={127.0.0.1/32}", "allow-egress", "--allow-egress=127.0.0.1/32"},
		"RouteURL":     {"the route is public", "scim-controller", routeValues, "public-url", "--public-url=https://scim.example.com"},
		"ServiceTLS":   {"its Service has the port of HTTPS", "scim-controller", tlsValues, "public-url", "--public-url=https://scim-server.scim-system.svc"},
		"OtherTLSPort": {"", "scim-controller", tlsValues + ",service.port=80", "public-url", "--public-url=https://scim-server.scim-system.svc:80"},
	} {
		t.Run(name, func(t *testing.T) {
			var got string
			for _, arg := range template(t, "--set="+c.set).args(t, c.program) {
				if flag, _, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "="); flag == c.flag {
					got = arg
				}
			}
			if got != c.want {
				t.Errorf("%s: %s with %s: got %q, want %q", c.reason, c.program, c.set, got, c.want)
			}
		})
	}
}

// TestGracePeriod: the kubelet must not kill while requests are under way.
func TestGracePeriod(t *testing.T) {
	for delay, want := range map[string]float64{"0s": 55, "5s": 60, "60s": 115} {
		deployment := template(t, "--set=server.shutdownDelay="+delay)["Deployment/"+namespace+"/scim-server"]
		if got := field[float64](t, deployment, "spec", "template", "spec", "terminationGracePeriodSeconds"); got != want {
			t.Errorf("with a delay of %s: got %g s, want %g s", delay, got, want)
		}
	}
}

func field[T any](t *testing.T, object *unstructured.Unstructured, path ...string) T {
	t.Helper()
	value, _, err := unstructured.NestedFieldNoCopy(object.Object, path...)
	typed, ok := value.(T)
	if err != nil || !ok {
		t.Fatalf("%s of %s: got %v, %v", strings.Join(path, "."), object.GetName(), value, err)
	}
	return typed
}

// TestTLS: the certificate that is asked for is the one that is mounted, for the names at which scim-server is reached.
func TestTLS(t *testing.T) {
	for name, c := range map[string]struct {
		set, secret, port string
		names             []any
	}{
		"Plain":       {"logLevel=info", "", "80 http", nil},
		"Secret":      {"server.tls.secretName=mine", "mine", "443 https", nil},
		"CertManager": {tlsValues, "scim-server-tls", "443 https", []any{"scim-server.scim-system.svc"}},
		"Both":        {tlsValues + ",server.tls.secretName=mine,service.port=8443", "mine", "8443 https", []any{"scim-server.scim-system.svc"}},
		"Names": {tlsValues + "," + routeValues + ",publicURL=https://a.example.com:444/x,ingress.enabled=true,ingress.host=b.example.com", "scim-server-tls", "443 https",
			[]any{"scim-server.scim-system.svc", "b.example.com", "scim.example.com", "a.example.com"}},
		"Address": {tlsValues + ",publicURL=https://192.0.2.1", "scim-server-tls", "443 https", []any{"scim-server.scim-system.svc"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := template(t, "--set="+c.set)
			mounted := ""
			if pod := field[map[string]any](t, m["Deployment/"+namespace+"/scim-server"], "spec", "template", "spec"); pod["volumes"] != nil {
				mounted, _, _ = unstructured.NestedString(pod["volumes"].([]any)[0].(map[string]any), "secret", "secretName")
			}
			port := field[[]any](t, m["Service/"+namespace+"/scim-server"], "spec", "ports")[0].(map[string]any)
			if got := fmt.Sprint(port["port"], " ", port["appProtocol"]); mounted != c.secret || got != c.port {
				t.Errorf("got Secret %q and port %s, want %q and %s", mounted, got, c.secret, c.port)
			}
			certificate := m["Certificate/"+namespace+"/scim-server"]
			if (certificate != nil) != (c.names != nil) {
				t.Fatalf("got Certificate %v, want names %v", certificate, c.names)
			}
			if c.names != nil && !slices.Equal(field[[]any](t, certificate, "spec", "dnsNames"), c.names) {
				t.Errorf("got Certificate %v, want names %v", certificate.Object["spec"], c.names)
			}
		})
	}
}

// TestNetworkPolicies: who may connect to which port, and where to.
func TestNetworkPolicies(t *testing.T) {
	const metrics = "server.metrics.enabled=true,controller.metrics.enabled=true"
	from := func(what string) string { return "networkPolicy." + what + "[0].podSelector.matchLabels.app=proxy" }
	for name, c := range map[string]struct{ program, set, ingress, egress string }{
		"Server":     {"scim-server", "logLevel=info", "[scim health]", "443 6443 8443 16443"},
		"Proxy":      {"scim-server", from("scimFrom"), "[scim<proxy health]", "443 6443 8443 16443"},
		"Metrics":    {"scim-server", metrics, "[scim health metrics]", "443 6443 8443 16443"},
		"Prometheus": {"scim-server", metrics + "," + from("metricsFrom"), "[scim health metrics<proxy]", "443 6443 8443 16443"},
		"APIServer":  {"scim-server", "networkPolicy.apiServerCIDRs={10.0.0.1/32},networkPolicy.apiServerPorts={6443}", "[scim health]", "6443 to 10.0.0.1/32"},
		"Controller": {"scim-controller", "logLevel=info", "[health]", "anything"},
		"Named":      {"scim-controller", "networkPolicy.controllerEgress[0].ports[0].port=5432", "[health]", "443 6443 8443 16443; 53 53; 5432"},
	} {
		t.Run(name, func(t *testing.T) {
			policy := template(t, "--set="+c.set)["NetworkPolicy/"+namespace+"/"+c.program]
			if types := fmt.Sprint(field[[]any](t, policy, "spec", "policyTypes")); types != "[Ingress Egress]" {
				t.Errorf("it is about %s only", types)
			}
			var ingress, egress []string
			for _, rule := range field[[]any](t, policy, "spec", "ingress") {
				ingress = append(ingress, strings.Join(rulePorts(rule), " ")+map[bool]string{true: "<proxy"}[strings.Contains(fmt.Sprint(rule), "proxy")])
			}
			for _, rule := range field[[]any](t, policy, "spec", "egress") {
				text := strings.Join(rulePorts(rule), " ")
				if text == "" {
					text = "anything"
				}
				if strings.Contains(fmt.Sprint(rule), "10.0.0.1/32") {
					text += " to 10.0.0.1/32"
				}
				egress = append(egress, text)
			}
			if got := fmt.Sprint(ingress); got != c.ingress || strings.Join(egress, "; ") != c.egress {
				t.Errorf("got %s and %q, want %s and %q", got, strings.Join(egress, "; "), c.ingress, c.egress)
			}
		})
	}
}

func rulePorts(rule any) (ports []string) {
	listed, _, _ := unstructured.NestedSlice(rule.(map[string]any), "ports")
	for _, port := range listed {
		ports = append(ports, fmt.Sprint(port.(map[string]any)["port"]))
	}
	return ports
}

// TestMonitoring: each program that shows metrics is fetched, and the alerts and the dashboard are the files.
func TestMonitoring(t *testing.T) {
	m := template(t, "--set="+monitored)
	for _, program := range []string{"scim-server", "scim-controller"} {
		monitor := m["ServiceMonitor/"+namespace+"/"+program]
		if monitor == nil || monitor.GetLabels()["release"] != "prometheus" {
			t.Fatalf("got ServiceMonitor %v", monitor)
		}
		wanted := field[map[string]any](t, monitor, "spec", "selector", "matchLabels")
		service := m["Service/"+namespace+"/"+program+"-metrics"]
		for key, value := range wanted {
			if service.GetLabels()[key] != value {
				t.Errorf("the ServiceMonitor of %s wants the label %s=%v, its Service has %q", program, key, value, service.GetLabels()[key])
			}
		}
	}
	if groups := field[[]any](t, m["PrometheusRule/"+namespace+"/scim-operator"], "spec", "groups"); len(groups) == 0 {
		t.Error("the PrometheusRule has no groups")
	}
	dashboard := m["ConfigMap/"+namespace+"/scim-operator-dashboard"]
	want := strings.TrimSpace(readFiles(t, chartDir+"/files/dashboard.json")["dashboard.json"])
	got := field[string](t, dashboard, "data", "scim-operator.json")
	if got != want || !json.Valid([]byte(got)) || dashboard.GetLabels()["grafana_dashboard"] != "1" {
		t.Errorf("the ConfigMap %v with %d bytes is not files/dashboard.json", dashboard.GetLabels(), len(got))
	}
	if one := template(t, "--set=server.metrics.enabled=true,metrics.serviceMonitor.enabled=true"); one["ServiceMonitor/"+namespace+"/scim-controller"] != nil {
		t.Error("a program without metrics is fetched")
	}
}

// foreignCRDs are files of modules that hack/tools/crds names, by module.
func foreignCRDs() map[string][]string {
	return map[string][]string{
		"sigs.k8s.io/gateway-api":                            {"config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"},
		"github.com/cert-manager/cert-manager":               {"deploy/crds/cert-manager.io_certificates.yaml"},
		"github.com/prometheus-operator/prometheus-operator": {"example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml", "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml"},
	}
}

// testEveryValueApplies has the API server check, unknown fields too, what the chart makes with the values that people set; kinds of others by their
// own CRDs. It is an upgrade of what is installed: with Helm's name, what is not wanted any more is given up.
func (i *installation) testEveryValueApplies(t *testing.T) {
	for module, files := range foreignCRDs() {
		var found struct{ Dir string }
		if err := json.Unmarshal([]byte(mustRun(t, "go", "mod", "download", "-modfile="+root+"/hack/tools/crds/go.mod", "-json", module)), &found); err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			mustRun(t, kubectl(t), "--kubeconfig="+i.kubeconfig, "apply", "--server-side", "-f="+filepath.Join(found.Dir, file))
		}
	}
	mustRun(t, kubectl(t), "--kubeconfig="+i.kubeconfig, "wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
	for name, set := range map[string]string{
		"Monitored": monitored + ",networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.team=monitoring",
		"Ingress":   "ingress.enabled=true,ingress.host=scim.example.com,ingress.tlsSecretName=tls,ingress.className=nginx",
		"Route":     routeValues + ",httpRoute.annotations.team=a," + tlsValues,
		"Secret":    "server.tls.secretName=mine,service.type=LoadBalancer,server.trustedProxies={10.0.0.0/8},server.audit.enabled=false",
		"Network": "networkPolicy.apiServerCIDRs={10.0.0.1/32},networkPolicy.scimFrom[0].ipBlock.cidr=10.0.0.0/8," +
			"networkPolicy.controllerEgress[0].to[0].ipBlock.cidr=10.0.0.0/8,controller.allowEgress={127.0.0.1/32}",
		"Namespaces": "watchNamespaces={default," + givenNamespace + "}",
		"Placement": "server.priorityClassName=high,server.nodeSelector.disk=ssd,server.tolerations[0].key=a,server.tolerations[0].operator=Exists," +
			"imagePullSecrets={pull},server.podAnnotations.a=b,server.image.digest=sha256:" + strings.Repeat("0", 64),
	} {
		t.Run(name, func(t *testing.T) {
			rendered := filepath.Join(t.TempDir(), "rendered.yaml")
			writeFile(t, rendered, mustHelm(t, "template", release, chartDir, "--namespace="+namespace, "--set="+set))
			mustRun(t, kubectl(t), "--kubeconfig="+i.kubeconfig, "apply", "--server-side", "--dry-run=server", "--validate=strict",
				"--field-manager=helm", "-f="+rendered)
		})
	}
}
