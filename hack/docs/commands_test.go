// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/command"
)

// testCommands types every command of every page, as testdata/terminal.sh plays it, and judges the others by the source of what they call.
func (w world) testCommands(t *testing.T) {
	w.furnish(t)
	term, r := w.terminal(t), reader{&sync.Map{}}
	seen := 0
	t.Run("Pages", func(t *testing.T) {
		for path, p := range pages(t) {
			scripts := r.scripts(p, played())
			seen += len(scripts)
			t.Run(path, func(t *testing.T) {
				t.Parallel()
				term.follow(t, path, scripts, r)
			})
		}
	})
	r.needsAll(t)
	if seen < 100 {
		t.Errorf("found commands in %d places only", seen)
	}
	t.Run("Mistakes", term.testMistakes)
}

// follow types what a page says, in its order.
func (term terminal) follow(t *testing.T, path string, scripts []script, r reader) {
	t.Helper()
	dir := term.workingDir(t)
	for _, s := range scripts {
		called, err := term.play(t, dir, s)
		for _, args := range called {
			r.used.Store(args[0], true)
		}
		if err != nil {
			t.Errorf("%s:%d: %v\n$ %s", path, s.line, err, s.text)
		}
	}
}

// testMistakes: what is wrong is found.
func (term terminal) testMistakes(t *testing.T) {
	for name, text := range map[string]string{
		"syntax":                     "kubectl get scimusers -n 'acme",
		"unknown program":            "kubecti get scimusers -n acme",
		"unset variable":             `kubectl get scimuser "$nobody" -n acme`,
		"unknown verb":               "kubectl got scimusers -n acme",
		"unknown flag":               "kubectl get scimusers -n acme --wacth",
		"unknown resource":           "kubectl get scimpeople -n acme",
		"unknown name":               "kubectl get scimapp other -n acme",
		"unknown field selected":     "kubectl get scimusers -n acme --field-selector spec.name=x",
		"unknown field":              "kubectl get scimapp demo-cluster -n acme -o jsonpath='{.status.removal}'",
		"unknown condition":          `kubectl get scimdir acme -n acme -o jsonpath='{.status.conditions[?(@.type=="Reddy")].message}'`,
		"unknown column":             "kubectl get scimapps -n acme -o custom-columns=NAME:.metadata.name,HELD:.status.holding",
		"in an argument":             `kubectl annotate scimapp demo-cluster -n acme a="$(kubectl get scimapp demo-cluster -n acme -o jsonpath='{.status.removal}')"`,
		"patch of an unknown field":  `kubectl patch scimapp demo-cluster -n acme --type=merge -p '{"spec":{"modus":"Paused"}}'`,
		"patch of an unknown value":  `kubectl patch scimapp demo-cluster -n acme --type=merge -p '{"spec":{"mode":"Halted"}}'`,
		"patch that policies refuse": `kubectl patch scimuser 5f0c0f0e-7a1e-4b53-9d53-0b6d1c7a2f11 -n acme --type=merge -p '{"spec":{"state":"Suspended"}}'`,
		"deletes nothing":            "kubectl delete scimnames -n acme --field-selector spec.holder=x",
		"log of nobody":              "kubectl logs -n scim-system deployment/scim-servers",
		"flag of logs":               "kubectl logs -n scim-system deployment/scim-server --every-pod",
		"jq syntax":                  "kubectl get scimusers -n acme -o json | jq '.items[] | select(.metadata.name'",
		"jq finds nothing":           "kubectl get scimusers -n acme -o json | jq -r '.items[].spec | select(.username) | .username'",
		"unknown value of the chart": "helm install scim-operator charts/scim-operator -n scim-system --set publicUrl=http://127.0.0.1:8080",
		"unknown path":               `curl -s -H "Authorization: Bearer $TOKEN" "$URL/People"`,
		"unknown attribute in a URL": `curl -s -G -H "Authorization: Bearer $TOKEN" --data-urlencode 'filter=login eq "ada"' "$URL/Users"`,
		"flag of curl":               `curl --shush "$URL/Users"`,
		"no token":                   `curl -s "$URL/Users"`,
		"unknown target":             "make tests",
		"unknown package":            "go test ./scimserver/skim",
		"unknown test":               "go test ./scimserver/scim -run TestNothingLikeIt",
		"unknown flag of go":         "go test ./scimserver/scim -rum TestIdPPatches",
		"unknown flag of a program":  "go run ./hack/bench/access -people 200",
		"unknown command":            "kubectl scim person",
		"flag of a command":          "kubectl scim users --wide",
		"arguments of a command":     "kubectl scim explain ada@acme.test",
		"unknown placeholder":        reader{&sync.Map{}}.fill("kubectl get scimuser <whoever> -n acme"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := term.play(t, term.workingDir(t), script{text: text + "\n"}); err == nil {
				t.Errorf("%s: taken for right", text)
			}
		})
	}
}

// judge says what is wrong with a call of what is not run.
func judge(t *testing.T, args []string) error {
	t.Helper()
	switch args[0] {
	case "kubectl":
		return parsePlugin(args[2:])
	case "go":
		return judgeGo(t, args[1:])
	}
	return nil
}

// parsePlugin has the plugin parse what follows `kubectl scim`.
func parsePlugin(args []string) error {
	whole := command.New(cli.NewEnv(genericiooptions.NewTestIOStreamsDiscard(), clocktesting.NewFakePassiveClock(time.Time{})))
	called, rest, err := whole.Find(args)
	if err != nil {
		return err
	}
	called.InitDefaultHelpFlag()
	if err := called.ParseFlags(rest); err != nil {
		return err
	}
	if slices.Contains(rest, "--help") {
		return nil
	}
	for _, check := range []func() error{func() error { return called.ValidateArgs(called.Flags().Args()) }, called.ValidateRequiredFlags, called.ValidateFlagGroups} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// judgeGo looks for the package, and for the tests and flags in its source.
func judgeGo(t *testing.T, args []string) error {
	t.Helper()
	at := slices.IndexFunc(args, func(arg string) bool { return strings.Contains(arg, "/") && !strings.HasPrefix(arg, "-") })
	if at < 1 {
		return fmt.Errorf("no package is named")
	}
	dir, _, _ := strings.Cut(strings.TrimPrefix(args[at], "github.com/scim-operator/scim-operator/"), "@")
	sources, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil || len(sources) == 0 {
		return fmt.Errorf("there is no package %s: %w", dir, err)
	}
	var source bytes.Buffer
	for _, path := range sources {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		source.Write(content)
	}
	flags := append(slices.Clone(args[1:at]), args[at+1:]...)
	if args[0] == "run" {
		return judgeFlags(flags, func(name string) bool {
			return strings.Contains(source.String(), `("`+name+`", `) || strings.Contains(source.String(), `, "`+name+`", `)
		})
	}
	for i, flag := range flags[:max(0, len(flags)-1)] {
		if slices.Contains([]string{"-run", "-fuzz", "-bench"}, flag) && flags[i+1] != "^$" {
			pattern, _, _ := strings.Cut(flags[i+1], "/")
			if !regexp.MustCompile(`(?m)^func (Test|Fuzz|Benchmark)\w*\(`).MatchString(source.String()) || !anyTest(source.String(), pattern) {
				return fmt.Errorf("%s has no %s", dir, pattern)
			}
		}
	}
	help, err := exec.CommandContext(t.Context(), "go", "help", "testflag").Output()
	if err != nil {
		return err
	}
	return judgeFlags(flags, func(name string) bool { return name == "race" || bytes.Contains(help, []byte("\n\t-"+name)) })
}

func anyTest(source, pattern string) bool {
	wanted, err := regexp.Compile(pattern)
	if err != nil {
		return false
	}
	for _, declared := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w*)\(`).FindAllStringSubmatch(source, -1) {
		if wanted.MatchString(declared[1]) {
			return true
		}
	}
	return false
}

func judgeFlags(args []string, known func(name string) bool) error {
	for _, arg := range args {
		if name, is := strings.CutPrefix(arg, "-"); is {
			if name, _, _ = strings.Cut(strings.TrimPrefix(name, "-"), "="); !known(name) {
				return fmt.Errorf("there is no flag -%s", name)
			}
		}
	}
	return nil
}
