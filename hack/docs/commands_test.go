// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"sync"
	"testing"
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
		"unknown column":             "kubectl get scimapp -n acme -o custom-columns=NAME:.metadata.name,HELD:.status.holding",
		"in an argument":             `kubectl annotate scimapp demo-cluster -n acme a="$(kubectl get scimapp demo-cluster -n acme -o jsonpath='{.status.removal}')"`,
		"patch of an unknown field":  `kubectl patch scimapp demo-cluster -n acme --type=merge -p '{"spec":{"modus":"Paused"}}'`,
		"patch of an unknown value":  `kubectl patch scimapp demo-cluster -n acme --type=merge -p '{"spec":{"mode":"Halted"}}'`,
		"patch that policies refuse": `kubectl patch scimuser 5f0c0f0e-7a1e-4b53-9d53-0b6d1c7a2f11 -n acme --type=merge -p '{"spec":{"state":"Suspended"}}'`,
		"unknown annotation":         "kubectl annotate scimapp demo-cluster -n acme scim-operator.dev/aprove=x",
		"deletes nothing":            "kubectl delete scimnames -n acme --field-selector spec.holder=x",
		"log of nobody":              "kubectl logs -n scim-system deployment/scim-servers",
		"flag of logs":               "kubectl logs -n scim-system deployment/scim-server --every-pod",
		"jq syntax":                  "kubectl get scimusers -n acme -o json | jq '.items[] | select(.metadata.name'",
		"jq finds nothing":           "kubectl get scimusers -n acme -o json | jq -r '.items[].spec | select(.username) | .username'",
		"unknown value of the chart": "helm install scim-operator charts/scim-operator -n scim-system --set publicUrl=http://127.0.0.1:8080",
		"unknown value in a file":    "helm install scim-operator charts/scim-operator -n scim-system -f values.yaml",
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
		"foreign program":            "az ad user list",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := term.play(t, term.workingDir(t), script{text: text + "\n", values: "publicUrl: https://scim.example.com\n"}); err == nil {
				t.Errorf("%s: taken for right", text)
			}
		})
	}
}
