// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

const (
	serverUser     = "system:serviceaccount:" + namespace + ":scim-server"
	controllerUser = "system:serviceaccount:" + namespace + ":scim-controller"
	breakGlass     = "scim-operator:break-glass"
	masters        = "system:masters"

	// givenNamespace is one whose Secrets scim-controller may use.
	givenNamespace = "given"

	interval = 50 * time.Millisecond
	patience = time.Minute
)

// TestInstalled tries what each identity may do where the chart is installed with the connector and its policies.
func TestInstalled(t *testing.T) {
	i := install(t)
	t.Run("Access", i.testAccess)
	t.Run("Secrets", i.testServerSeesNoSecret)
	t.Run("ServerWrites", i.testServerWritesOnlyItsOwn)
	t.Run("SpecPolicies", i.testSpecPolicies)
	t.Run("Decisions", i.testDecisions)
	t.Run("StatusPolicy", i.testStatusPolicy)
	t.Run("BindingsPolicy", i.testBindingsPolicy)
	t.Run("ClusterBindingsPolicy", i.testClusterBindingsPolicy)
	t.Run("NamespaceDeletion", i.testNamespaceDeletion)
	t.Run("PodSecurity", i.testPodSecurity)
	t.Run("Pods", i.testPods)
	t.Run("EveryValue", i.testEveryValueApplies)
	t.Run("ConfigApplies", i.testConfigApplies)
	t.Run("Samples", i.testSamples)
}

// installation is a cluster with the chart in it.
type installation struct {
	cluster    *cluster.Cluster
	kubeconfig string
	admin      client.Client
}

func install(t *testing.T) *installation {
	t.Helper()
	log.SetLogger(logr.Discard())
	c := cluster.ForTest(t, cluster.Options{ControllerManager: true})
	i := &installation{cluster: c, kubeconfig: kubeconfig(t, c.AdminConfig(0))}
	mustRun(t, kubectl(t), "--kubeconfig="+i.kubeconfig, "apply", "-f="+root+"/config/default/namespace.yaml")
	mustRun(t, kubectl(t), "--kubeconfig="+i.kubeconfig, "create", "namespace", givenNamespace)
	args := []string{"install", release, chartDir, "--kubeconfig=" + i.kubeconfig, "--namespace=" + namespace,
		"--set=secretNamespaces={" + givenNamespace + "}"}
	mustHelm(t, append(args, connectorValues()...)...)
	i.admin = newClient(t, c.AdminConfig(0))
	i.waitForPolicies(t)
	return i
}

func newClient(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	// Pod Security warns of what it refuses anyway.
	config.WarningHandler = rest.NoWarnings{}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// waitForPolicies waits until each policy refuses something: the API server learns of them by a watch.
func (i *installation) waitForPolicies(t *testing.T) {
	t.Helper()
	user := &v1alpha1.ScimUser{ObjectMeta: metav1.ObjectMeta{Name: "probe", Namespace: "default"}, Spec: userSpec()}
	if err := i.as(t, serverUser, masters).Create(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	account := &v1alpha1.ScimAccount{ObjectMeta: metav1.ObjectMeta{Name: "probe", Namespace: "default"}, Spec: accountSpec()}
	tries := map[string]func(context.Context) error{
		"directory-data": func(ctx context.Context) error { return i.admin.Delete(ctx, user, client.DryRunAll) },
		"accounts":       func(ctx context.Context) error { return i.admin.Create(ctx, account.DeepCopy(), client.DryRunAll) },
		"status": func(ctx context.Context) error {
			return i.admin.Status().Patch(ctx, user.DeepCopy(), forgedStatus(), client.DryRunAll)
		},
		"bindings": func(ctx context.Context) error {
			return i.as(t, controllerUser, masters).Create(ctx, binding("probe", "view", nil), client.DryRunAll)
		},
	}
	for name, try := range tries {
		refused := func(ctx context.Context) (bool, error) {
			err := try(ctx)
			return err != nil && strings.Contains(err.Error(), "ValidatingAdmissionPolicy 'scim-operator-"+name+"'"), nil
		}
		if err := wait.PollUntilContextTimeout(t.Context(), interval, patience, true, refused); err != nil {
			t.Fatalf("policy %s refuses nothing: %v", name, err)
		}
	}
}

// as is a client with the name and the groups; with the group system:masters, RBAC lets it do everything, and what is
// refused is refused by a policy.
func (i *installation) as(t *testing.T, user string, groups ...string) client.Client {
	t.Helper()
	config, err := i.cluster.UserConfig(user, groups, 0)
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, config)
}

// program is a client with a token of the ServiceAccount of a program, and so with its rights.
func (i *installation) program(t *testing.T, name string) client.Client {
	t.Helper()
	config, err := i.cluster.ServiceAccountConfig(t.Context(), namespace, name, 0)
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, config)
}

// namespace makes one of its own for a test.
func (i *installation) namespace(t *testing.T) string {
	t.Helper()
	made := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	if err := i.admin.Create(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	return made.Name
}

// testPodSecurity starts the pods of both Deployments, in dry run, where Pod Security is enforced as "restricted".
func (i *installation) testPodSecurity(t *testing.T) {
	for _, name := range []string{"scim-server", "scim-controller"} {
		t.Run(name, func(t *testing.T) {
			var deployment appsv1.Deployment
			if err := i.admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &deployment); err != nil {
				t.Fatal(err)
			}
			pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}, Spec: deployment.Spec.Template.Spec}
			if err := i.admin.Create(t.Context(), pod.DeepCopy(), client.DryRunAll); err != nil {
				t.Errorf("restricted: %v", err)
			}
			// Proves that something is enforced at all.
			pod.Spec.Containers[0].SecurityContext = nil
			err := i.admin.Create(t.Context(), &pod, client.DryRunAll)
			if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), `violates PodSecurity "restricted:latest"`) {
				t.Errorf("without a security context: got error %v, want one of PodSecurity", err)
			}
		})
	}
}

// testPods: with the rights of kube-controller-manager, and past Pod Security, the pods of both programs are made, each with a token.
func (i *installation) testPods(t *testing.T) {
	for _, name := range []string{"scim-server", "scim-controller"} {
		made := func(ctx context.Context) (bool, error) {
			var pods corev1.PodList
			err := i.admin.List(ctx, &pods, client.InNamespace(namespace), client.MatchingLabels{"app.kubernetes.io/component": name})
			for _, pod := range pods.Items {
				if pod.Spec.ServiceAccountName != name || !slices.ContainsFunc(pod.Spec.Volumes, projectsToken) {
					t.Errorf("a pod of %s has the ServiceAccount %q and volumes %v", name, pod.Spec.ServiceAccountName, pod.Spec.Volumes)
				}
			}
			return len(pods.Items) == 2, err
		}
		if err := wait.PollUntilContextTimeout(t.Context(), interval, patience, true, made); err != nil {
			t.Errorf("two pods of %s: %v", name, err)
		}
	}
}

func projectsToken(v corev1.Volume) bool {
	return v.Projected != nil && slices.ContainsFunc(v.Projected.Sources, func(s corev1.VolumeProjection) bool { return s.ServiceAccountToken != nil })
}

// testConfigApplies has the API server check everything that kustomize builds, unknown fields too.
func (i *installation) testConfigApplies(t *testing.T) {
	for _, overlay := range []string{"default", "kubernetes-connector"} {
		mustRun(t, kubectl(t), "--kubeconfig="+i.kubeconfig, "apply", "--server-side", "--force-conflicts",
			"--dry-run=server", "--validate=strict", "-k="+root+"/config/"+overlay)
	}
}

// testSamples applies the samples, and checks that the connector's rights cover what they ask for.
func (i *installation) testSamples(t *testing.T) {
	own := i.namespace(t)
	mustRun(t, kubectl(t), "--kubeconfig="+i.kubeconfig, "apply", "--validate=strict", "-n="+own, "-k="+root+"/config/samples")
	var (
		token       v1alpha1.ScimToken
		application v1alpha1.ScimApplication
		grants      v1alpha1.ScimGrantList
	)
	for name, object := range map[string]client.Object{"acme": &v1alpha1.ScimDirectory{}, "acme-okta": &token, "demo-cluster": &application} {
		if err := i.admin.Get(t.Context(), client.ObjectKey{Namespace: own, Name: name}, object); err != nil {
			t.Fatal(err)
		}
	}
	if err := i.admin.List(t.Context(), &grants, client.InNamespace(own)); err != nil || len(grants.Items) != 1 {
		t.Fatalf("got grants %v, %v; want one", grants.Items, err)
	}
	controller := i.program(t, "scim-controller")
	for _, role := range application.Spec.Connector.Kubernetes.Roles {
		labelled := map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy}
		try := binding("sample", role.RoleRef.Name, labelled)
		if err := controller.Create(t.Context(), try, client.DryRunAll); err != nil {
			t.Errorf("bind %s of the sample: %v", role.RoleRef.Name, err)
		}
	}
}
