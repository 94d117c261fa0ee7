// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// prompt begins what somebody typed in a transcript.
const prompt = "$ "

// script is what a page gives a shell: a block, or a command in the prose.
type script struct {
	line int // of the opening fence; 0 in the prose
	text string
	// values are what values.yaml holds then.
	values string
}

// foreign are programs of others, which none of the tests has: only the shell's syntax of their lines is looked at.
func foreign() map[string]string {
	return map[string]string{
		"rabbitmqctl": "comes with a RabbitMQ",
		"vault":       "comes with a Vault",
		"ldapsearch":  "asks somebody's directory",
	}
}

// placeholders are what a page has the reader fill in, and what the test fills in.
func placeholders() map[string]string {
	const ada = "5f0c0f0e-7a1e-4b53-9d53-0b6d1c7a2f11"
	return map[string]string{
		"<id>": ada, "<name>": "demo-cluster-" + ada, "<name in lower case>": "ada@acme.test", "<key id>": "KTEFVQ7C",
		"<namespace>": "acme", "<application>": "demo-cluster", "<token>": "acme-okta",
	}
}

// variables are those that the text of a page tells the reader to set.
func variables() map[string]string {
	return map[string]string{
		"URL": scimBaseURL, "TOKEN": "a-token", "ID": "5f0c0f0e-7a1e-4b53-9d53-0b6d1c7a2f11", "PASSWORD": "a-password", "USER": "admin",
		"timestamp": "1700000000", "nonce": "NONCE", "body": "{}", "signingKey": "0123456789abcdef",
	}
}

// mentions are code in the prose that names a command without saying it whole, and one that it stands for.
func mentions() map[string]string {
	return map[string]string{
		"kubectl get":                        "kubectl get --help",
		"kubectl describe":                   "kubectl describe --help",
		"kubectl annotate":                   "kubectl annotate --help",
		"kubectl scim":                       "kubectl scim",
		"kubectl wait --for=condition=Ready": "kubectl wait --for=condition=Ready scimapp/demo-cluster",
		"kubectl delete scimapp":             "kubectl delete scimapp demo-cluster",
		"kubectl apply --server-side -k":     "kubectl apply --server-side -k config/kubernetes-connector",
		"helm uninstall":                     "helm uninstall scim-operator -n scim-system",
		"helm upgrade":                       "helm upgrade scim-operator charts/scim-operator -n scim-system",
	}
}

var (
	span     = regexp.MustCompile("`([^`]+)`")           //nolint:gochecknoglobals,forbidigo // a constant pattern
	fillIn   = regexp.MustCompile(`<[a-z]+( [a-z]+)*>`)  //nolint:gochecknoglobals,forbidigo // a constant pattern
	variable = regexp.MustCompile(`\$\{?([A-Za-z_]+)\b`) //nolint:gochecknoglobals,forbidigo // a constant pattern
)

// reader remembers what it needed to understand the pages.
type reader struct{ used *sync.Map }

// scripts are those of a page in their order, first the blocks and then those of the prose. Values of the chart are there to be installed with, and
// the page's first are what its commands have.
func (r reader) scripts(p page, programs []string) (all []script) {
	values := firstValues(p)
	for _, b := range p.blocks {
		switch b.language {
		case languageValues:
			all = append(all, script{b.line, "helm install scim-operator charts/scim-operator -n scim-system -f values.yaml", b.text})
		case "sh":
			all = append(all, script{b.line, r.fill(b.text), values})
		case "console":
			all = append(all, script{b.line, r.fill(typed(b.text)), values})
		}
	}
	for paragraph := range strings.SplitSeq(p.prose, "\n\n") {
		for _, found := range span.FindAllStringSubmatch(paragraph, -1) {
			said := strings.Join(strings.Fields(found[1]), " ")
			name, _, more := strings.Cut(said, " ")
			if !more || !slices.Contains(programs, name) {
				continue
			}
			if whole, only := mentions()[said]; only {
				r.used.Store(said, true)
				said = whole
			}
			if _, again := r.used.LoadOrStore(prompt+said, true); !again {
				all = append(all, script{0, r.fill(said), values})
			}
		}
	}
	return all
}

func firstValues(p page) string {
	for _, b := range p.blocks {
		if b.language == languageValues {
			return b.text
		}
	}
	return ""
}

// typed is what somebody typed in a transcript.
func typed(transcript string) (text string) {
	for line := range strings.Lines(transcript) {
		if command, is := strings.CutPrefix(line, prompt); is {
			text += command
		}
	}
	return text
}

// fill fills in the placeholders that it knows. A shell takes others for files, which are not there.
func (r reader) fill(text string) string {
	for _, found := range variable.FindAllStringSubmatch(text, -1) {
		r.used.Store(found[1], true)
	}
	return fillIn.ReplaceAllStringFunc(text, func(placeholder string) string {
		with, known := placeholders()[placeholder]
		if !known {
			return placeholder
		}
		r.used.Store(placeholder, true)
		return with
	})
}

// needsAll fails for what the lists of this file have and no page needs any more.
func (r reader) needsAll(t *testing.T) {
	t.Helper()
	for _, list := range []map[string]string{foreign(), placeholders(), variables(), mentions()} {
		for word := range list {
			if _, used := r.used.Load(word); !used {
				t.Errorf("no page has %s any more: remove it from scripts_test.go", word)
			}
		}
	}
}
