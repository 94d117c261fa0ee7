// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/apps"
	"github.com/scim-operator/scim-operator/hack/cluster"
	"github.com/scim-operator/scim-operator/hack/stack"
	"github.com/scim-operator/scim-operator/scimserver/auth"
	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/httpapi"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

const (
	terminalScript = "testdata/terminal.sh"
	auditLog       = "testdata/audit.jsonl"
	scimBaseURL    = "http://127.0.0.1:8080/scim/v2/acme/acme"
	// patience bounds one script, so that one that waits for ever is found.
	patience = 5 * time.Minute
)

// terminal is where the commands of the pages are typed.
type terminal struct {
	repository, bin string
	env             []string
}

// filters are the programs that do nothing but to what they are given.
func filters() []string {
	return []string{"bash", "base64", "cat", "cut", "date", "dirname", "grep", "ln", "openssl", "sed", "sha256sum", "sort", "tee", "xargs"}
}

// played are the programs that testdata/terminal.sh plays.
func played() []string {
	return append(slices.Sorted(maps.Keys(foreign())), "curl", "go", "helm", "jq", "kubectl", "kubectl-scim", "make")
}

// furnish makes what the pages name: the namespace acme, and of the rest what no kubelet and no controller manager is there to make.
func (w world) furnish(t *testing.T) {
	t.Helper()
	w.createNamespace(t, "acme")
	w.createNamespace(t, stack.Namespace)
	for _, path := range []string{filepath.Join(root, "cmd/kubectl-scim/command/testdata/acme.yaml"), "testdata/world.yaml"} {
		content, err := os.ReadFile(path)
		must(t, err)
		found, err := objects(block{text: string(content)})
		must(t, err)
		for _, object := range found {
			if len(object.Object) == 0 {
				continue // a comment
			}
			if err := w.applyOne(t, object, "acme", client.FieldOwner(filepath.Base(path))); err != nil {
				t.Fatalf("%s %s: %v", object.GetKind(), object.GetName(), err)
			}
		}
	}
}

// terminal makes one for the admin of the cluster, and installs there what config/default has.
func (w world) terminal(t *testing.T) terminal {
	t.Helper()
	repository, err := stack.Root()
	must(t, err, apps.Debian(t.Context(), apps.Options{}, "jq", "curl", "openssl"))
	dir := t.TempDir()
	term := terminal{repository: repository, bin: filepath.Join(dir, "bin")}
	must(t, os.Mkdir(term.bin, 0o700))
	for _, name := range filters() {
		must(t, os.Symlink(lookPath(t, name), filepath.Join(term.bin, name)))
	}
	script, err := os.ReadFile(terminalScript)
	must(t, err, os.WriteFile(filepath.Join(dir, "terminal.sh"), script, 0o700))
	for _, name := range played() {
		must(t, os.Symlink(filepath.Join(dir, "terminal.sh"), filepath.Join(term.bin, name)))
	}
	must(t, cluster.WriteKubeconfig(filepath.Join(dir, "kubeconfig"), w.AdminConfig(0)))
	term.env = environment(t, dir, repository)
	term.kubectl(t, "config", "set-context", "--current", "--namespace=acme")
	term.kubectl(t, "apply", "--server-side", "--force-conflicts", "-k", filepath.Join(repository, "config/default"))
	w.waitForPolicies(t)
	return term
}

// environment is all that the commands know of where they are run.
func environment(t *testing.T, dir, repository string) (env []string) {
	t.Helper()
	kubectl, err := stack.Kubectl()
	must(t, err)
	helm, err := stack.Helm(t.Context())
	must(t, err)
	env = []string{
		"PATH=" + filepath.Join(dir, "bin"), "HOME=" + dir, "HELM_CACHE_HOME=" + dir, "HELM_CONFIG_HOME=" + dir, "HELM_DATA_HOME=" + dir,
		"KUBECONFIG=" + filepath.Join(dir, "kubeconfig"), "KUBECTL=" + kubectl, "HELM=" + helm, "JQ=" + lookPath(t, "jq"), "CURL=" + lookPath(t, "curl"),
		"MAKE_PROGRAM=" + lookPath(t, "make"), "SCIM_SERVER=" + scimServer(t), "AUDIT_LOG=" + filepath.Join(repository, "hack/docs", auditLog),
	}
	for name, value := range variables() {
		env = append(env, name+"="+value)
	}
	return env
}

// kubectl really does something.
func (term terminal) kubectl(t *testing.T, args ...string) {
	t.Helper()
	program, err := stack.Kubectl()
	must(t, err)
	call := exec.CommandContext(t.Context(), program, args...)
	call.Env = term.env
	if out, err := call.CombinedOutput(); err != nil {
		t.Fatalf("kubectl %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// waitForPolicies waits until the admission policies refuse something: the API server learns of them by a watch.
func (w world) waitForPolicies(t *testing.T) {
	t.Helper()
	user := &v1alpha1.ScimUser{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: variables()["ID"]}}
	change := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"state":"Suspended"}}`))
	must(t, wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		err := w.Patch(ctx, user.DeepCopy(), change, client.DryRunAll)
		if apierrors.IsForbidden(err) {
			return true, nil
		}
		return false, err
	}))
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func lookPath(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	must(t, err)
	return path
}

// workingDir looks like the root of the repository, and takes what the commands of a page write.
func (term terminal) workingDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	entries, err := os.ReadDir(term.repository)
	must(t, err)
	for _, entry := range entries {
		must(t, os.Symlink(filepath.Join(term.repository, entry.Name()), filepath.Join(dir, entry.Name())))
	}
	log, err := os.ReadFile(auditLog)
	must(t, err, os.WriteFile(filepath.Join(dir, "audit.jsonl"), log, 0o600))
	return dir
}

// play types a script and returns the calls of what was not run.
func (term terminal) play(t *testing.T, dir string, s script) (called [][]string, err error) {
	t.Helper()
	records := t.TempDir()
	mistakes := filepath.Join(records, ".mistakes")
	must(t, os.WriteFile(filepath.Join(dir, "values.yaml"), []byte(s.values), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	bash := exec.CommandContext(ctx, filepath.Join(term.bin, "bash"), "-euo", "pipefail", "-c", s.text+"\nwait\n")
	bash.Dir, bash.Env = dir, append(slices.Clone(term.env), "RECORDS="+records, "MISTAKES="+mistakes)
	out, err := bash.CombinedOutput()
	if testing.Verbose() {
		t.Logf("$ %s\n%s", s.text, out)
	}
	if said, readErr := os.ReadFile(mistakes); readErr == nil {
		return nil, errors.New(string(said))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	paths, err := filepath.Glob(filepath.Join(records, "[0-9]*"))
	for _, path := range paths {
		content, readErr := os.ReadFile(path)
		args := strings.Split(strings.TrimSuffix(string(content), "\x00"), "\x00")
		called, err = append(called, args), errors.Join(err, readErr, judge(t, args))
	}
	return called, err
}

// scimServer answers for the directory acme to whoever has the token, as scim-server does over a store of one user, and says where.
func scimServer(t *testing.T) (address string) {
	t.Helper()
	profile, err := directory.NewProfiles(func(string, string, scim.Rule) {}).Of(&v1alpha1.ScimDirectory{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "acme"}})
	must(t, err)
	server := httptest.NewServer(httpapi.NewHandler(httpapi.Options{
		Users: oneUser{}, Groups: struct{ httpapi.GroupStore }{}, Auth: acme{directory.Directory{Namespace: "acme", Name: "acme", BaseURL: scimBaseURL, Profile: profile}},
		Log: slog.New(slog.DiscardHandler), Limits: httpapi.DefaultLimits(), Now: time.Now, Served: func(httpapi.Served) {},
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// acme knows the token of variables.
type acme struct{ dir directory.Directory }

// Authenticate implements httpapi.Authenticator.
func (a acme) Authenticate(_ context.Context, header http.Header, _ auth.Scope) (auth.Identity, error) {
	if header.Get("Authorization") != "Bearer "+variables()["TOKEN"] {
		return auth.Identity{}, &auth.Refusal{Presented: true}
	}
	return auth.Identity{Directory: a.dir, TokenKeyID: "KTEFVQ7C"}, nil
}

// oneUser is a store with one user, whom nothing changes.
type oneUser struct{ httpapi.UserStore }

func (oneUser) ada() directory.Stored {
	return directory.Stored{ID: variables()["ID"], Generation: 1, Endpoint: "/Users", Resource: scim.Resource{"userName": "ada@example.com", "active": true}}
}

// Create implements httpapi.UserStore.
func (s oneUser) Create(context.Context, directory.Directory, scim.Resource) (directory.Stored, error) {
	return s.ada(), nil
}

// Modify implements httpapi.UserStore.
func (s oneUser) Modify(_ context.Context, _ directory.Directory, _ string, _ directory.Precondition, change func(scim.Resource) (scim.Resource, error)) (directory.Stored, error) {
	_, err := change(s.ada().Resource)
	return s.ada(), err
}

// List implements httpapi.UserStore.
func (s oneUser) List(context.Context, directory.Directory, scim.ListQuery) (directory.Page, error) {
	return directory.Page{Total: 1, Resources: []directory.Stored{s.ada()}}, nil
}
