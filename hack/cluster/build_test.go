// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fakeGo notes every program that it builds and takes a moment, so that two builds at once overlap. Where the file
// "endless" exists it builds forever.
const fakeGo = `#!/bin/sh
[ "$1" = build ] || exit 0
while [ "$1" != -o ]; do shift; done
basename "$2" >>"$FAKE/built"
while [ -e "$FAKE/endless" ]; do sleep 0.05; done
echo '#!/bin/sh' >"$2" && chmod +x "$2"
`

// buildTree is a copy of what build.sh needs, so that no test touches the real cache or link.
type buildTree struct{ root string }

func newBuildTree(t *testing.T) buildTree {
	t.Helper()
	tree := buildTree{root: t.TempDir()}
	for _, name := range []string{"build.sh", "go.mod"} {
		content, err := os.ReadFile(filepath.Join("..", "controlplane", name))
		if err != nil {
			t.Fatal(err)
		}
		tree.write(t, "hack/controlplane/"+name, string(content))
	}
	tree.write(t, "fake/go", fakeGo)
	tree.write(t, "fake/kubectl", "#!/bin/sh\n")
	return tree
}

func (b buildTree) write(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(b.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
}

func (b buildTree) command(t *testing.T, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), filepath.Join(b.root, scriptPath), args...)
	fake := filepath.Join(b.root, "fake")
	cmd.Env = append(os.Environ(), "FAKE="+fake, "PATH="+fake+":"+os.Getenv("PATH"),
		"SCIM_OPERATOR_CACHE="+filepath.Join(b.root, "cache"), "KUBEBUILDER_ASSETS="+filepath.Join(b.root, "assets"))
	return cmd
}

func (b buildTree) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := b.command(t, args...).CombinedOutput()
	if err != nil {
		t.Errorf("build.sh %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// built lists what the fake go was asked to build.
func (b buildTree) built() []string {
	content, _ := os.ReadFile(filepath.Join(b.root, "fake/built"))
	return strings.Fields(string(content))
}

// linked lists what bin/controlplane holds.
func (b buildTree) linked(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(b.root, linkPath))
	if err != nil {
		t.Error(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

var allPrograms = []string{etcdProgram, apiServerProgram, controllerManagerProgram}

func TestBuildScriptBuildsOnceForAll(t *testing.T) {
	tree := newBuildTree(t)
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() { tree.run(t) })
	}
	group.Wait()
	if diff := cmp.Diff(allPrograms, tree.built()); diff != "" {
		t.Errorf("three scripts at once built other programs than one (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(allPrograms, tree.linked(t)); diff != "" {
		t.Errorf("bin/controlplane differs (-want +got):\n%s", diff)
	}
	if got := tree.run(t); got != "" {
		t.Errorf("a script with nothing to do said %q", got)
	}
	dir, err := filepath.EvalSymlinks(filepath.Join(tree.root, linkPath))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(tree.run(t, "--print-dir")); got != dir {
		t.Errorf("--print-dir %q, want %q", got, dir)
	}
}

func TestBuildScriptTakesAssets(t *testing.T) {
	tree := newBuildTree(t)
	tree.write(t, "assets/etcd", "")
	tree.run(t)
	if diff := cmp.Diff(allPrograms, tree.built()); diff != "" {
		t.Errorf("assets without kube-apiserver are of no use (-want +got):\n%s", diff)
	}
	tree = newBuildTree(t)
	tree.write(t, "assets/etcd", "")
	tree.write(t, "assets/kube-apiserver", "")
	tree.run(t)
	if diff := cmp.Diff([]string{controllerManagerProgram}, tree.built()); diff != "" {
		t.Errorf("assets do not hold the controller manager (-want +got):\n%s", diff)
	}
}

func TestBuildScriptGoesOnAfterAnInterrupt(t *testing.T) {
	tree := newBuildTree(t)
	tree.write(t, "fake/endless", "")
	var out bytes.Buffer
	cmd := tree.command(t)
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first build has begun", func() error {
		if len(tree.built()) == 0 {
			return fmt.Errorf("nothing is built")
		}
		return nil
	})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Errorf("an interrupted script succeeded: %s", out.String())
	}
	dir := strings.TrimSpace(tree.run(t, "--print-dir"))
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("an interrupted script left %v (%v)", left, err)
	}
	if err := os.Remove(filepath.Join(tree.root, "fake/endless")); err != nil {
		t.Fatal(err)
	}
	tree.run(t)
	if got := tree.linked(t); !slices.Equal(got, allPrograms) {
		t.Errorf("after another run bin/controlplane holds %v, want %v", got, allPrograms)
	}
}

func TestBuildScriptTellsWhatIsWrong(t *testing.T) {
	cases := map[string]struct {
		reason string
		goTool string
		want   string
	}{
		"OldGo": {
			reason: "go list refuses a go.mod of a newer Go",
			goTool: `[ "$1" != list ] || { echo "go.mod requires go >= 1.26.0"; exit 1; }; echo go version go1.22.0`,
			want:   "Go 1.26.0 or newer is needed",
		},
		"NoNetwork": {
			reason: "the advice names the proxy",
			goTool: `[ "$1" != env ] || { echo the-proxy; exit; }; [ "$1" != build ] || { echo "dial tcp: no route"; exit 1; }`,
			want:   "GOPROXY=the-proxy must be reachable",
		},
		"DoesNotCompile": {
			reason: "what the compiler says is shown",
			goTool: `[ "$1" != build ] || { echo "x.go:1: undefined: y"; exit 1; }`,
			want:   "undefined: y",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tree := newBuildTree(t)
			tree.write(t, "fake/go", "#!/bin/sh\n"+tc.goTool+"\n")
			out, err := tree.command(t).CombinedOutput()
			if err == nil || !strings.Contains(string(out), tc.want) {
				t.Errorf("%s: error %v, output lacks %q:\n%s", tc.reason, err, tc.want, out)
			}
		})
	}
}
