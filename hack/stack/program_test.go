// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRewrite(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		args   []string
		flags  map[string]string
		want   []string
	}{
		"Replaced": {"an address of the chart is not ours", []string{"--listen=:8080", "--log-level=info"},
			map[string]string{"listen": "127.0.0.1:1"}, []string{"--listen=127.0.0.1:1", "--log-level=info"}},
		"Added": {"a Pod needs no kubeconfig", []string{"--log-level=info"},
			map[string]string{"kubeconfig": "/a"}, []string{"--log-level=info", "--kubeconfig=/a"}},
		"WholeName": {"--listen is not --health-listen", []string{"--health-listen=:1"},
			map[string]string{"listen": ":2"}, []string{"--health-listen=:1", "--listen=:2"}},
		"NoValue": {"a boolean flag stays", []string{"--leader-elect"}, nil, []string{"--leader-elect"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, rewrite(c.args, c.flags)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func TestParseChartKeepsWhatCanBeApplied(t *testing.T) {
	c, err := parseChart([]byte("kind: Service\nmetadata: {name: a}\n---\n# empty\n---\nkind: ClusterRole\nmetadata: {name: b}\n---\n" +
		"kind: Deployment\nmetadata: {name: c}\nspec: {template: {spec: {containers: [{name: c, args: [--a=b]}]}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.objects) != 1 || c.objects[0].GetName() != "b" {
		t.Errorf("got objects %v, want the ClusterRole alone", c.objects)
	}
	if d := c.deployments["c"]; d == nil || d.Spec.Template.Spec.Containers[0].Args[0] != "--a=b" {
		t.Errorf("got Deployments %v, want c with its flag", c.deployments)
	}
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	try := func() error { return syscall.Flock(int(other.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
	if err := try(); !errors.Is(err, syscall.EWOULDBLOCK) {
		t.Errorf("while it is locked: got %v, want EWOULDBLOCK", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if err := try(); err != nil {
		t.Errorf("once it is unlocked: %v", err)
	}
}
