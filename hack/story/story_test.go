// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package story

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// TestOutline: every step is about somebody who joined before, and needs only ids that are known by then.
func TestOutline(t *testing.T) {
	const unknown = "<nil>"
	known := map[string]string{}
	ends := map[v1alpha1.AccountState]int{}
	for _, step := range Outline("first", "second") {
		if step.Wants.New == (known[step.Wants.Of] != "") {
			t.Errorf("%s: new %t, and the ids are of %v", step.Title, step.Wants.New, slices.Collect(maps.Keys(known)))
		}
		if active := step.Wants.State == v1alpha1.AccountActive; active != (len(step.Wants.Has) > 0) {
			t.Errorf("%s: state %s and roles %v", step.Title, step.Wants.State, step.Wants.Has)
		}
		ends[step.Wants.State]++
		calls := step.Calls(known)
		if step.Undo != nil {
			calls = append(calls, step.Undo(known)...)
		}
		for _, call := range calls {
			if path := call.Path; strings.HasSuffix(path, "/") || strings.Contains(path, unknown) {
				t.Errorf("%s: the path %q needs an id that nobody knows", step.Title, path)
			}
			if call.Remember != "" {
				known[call.Remember] = "id-of-" + call.Remember
			}
		}
	}
	for _, state := range []v1alpha1.AccountState{v1alpha1.AccountActive, v1alpha1.AccountSuspended, v1alpha1.AccountDeleted} {
		if ends[state] == 0 {
			t.Errorf("no step ends in %s", state)
		}
	}
}

func TestSecretsOf(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		data   map[string][]byte
		want   []string
	}{
		"Bearer": {"a token", map[string][]byte{"token": []byte("abcdefgh")}, []string{"abcdefgh", "scim"}},
		"Basic": {"what goes over the wire is the secret too", map[string][]byte{"username": []byte("bob"), "password": []byte("abcdefgh")},
			[]string{"Ym9iOmFiY2RlZmdo", "abcdefgh", "scim"}},
		"Key": {"a key has lines, a certificate is public", map[string][]byte{
			"tls.crt": []byte("public"), "ca.crt": []byte("public"), "tls.key": []byte("-----BEGIN-----\nsecret\n-----END-----\n"),
		}, []string{"scim", "secret"}},
		"Kubeconfig": {"only the key in it is secret", map[string][]byte{"kubeconfig": []byte("kind: Config\n  client-key-data: secret\n")},
			[]string{"scim", "secret"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := secretsOf(c.data, "scim")
			slices.Sort(got)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func TestFind(t *testing.T) {
	looked := canaries([]string{"S3cret!"}, []string{"ada.byron", "ada"})
	for name, c := range map[string]struct {
		reason, text string
		want         int
	}{
		"Clean":    {"nothing to find", "all is well", 0},
		"Secret":   {"whatever its case, and where it stands", "it said s3CRET!", 1},
		"Name":     {"a name", "no such user Ada.Byron@acme.test", 1},
		"Both":     {"each counts", "ada.byron has s3cret!", 2},
		"TooBrief": {"three letters are everywhere", "adaptive ada", 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := find(looked, map[string]string{"the log": c.text, "an event": "fine"})
			if len(got) != c.want {
				t.Errorf("%s: got %q, want %d", c.reason, got, c.want)
			}
			for _, leak := range got {
				if !strings.HasPrefix(leak, "the log has ") {
					t.Errorf("%q does not begin with the place", leak)
				}
			}
		})
	}
}

func TestStatusOf(t *testing.T) {
	object := map[string]any{"status": map[string]any{
		"externalID": "cn=name", "adoption": map[string]any{"externalID": "cn=name", "key": "Email"},
		"orphans": map[string]any{"externalIDs": []any{"cn=name"}, "count": int64(1)}, "conditions": []any{map[string]any{"message": "text"}},
	}}
	got, err := statusOf(object)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"adoption":{"key":"Email"},"conditions":[{"message":"text"}],"orphans":{"count":1}}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("identifiers are left out, and nothing else (-want +got):\n%s", diff)
	}
}

func TestUntilSaysWhatItSawLast(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	seen := errors.New("still closed")
	tries := 0
	err := until(ctx, "the door is open", func(context.Context) error {
		if tries++; tries == 2 {
			cancel()
			return ctx.Err() // the end of the wait is no news
		}
		return seen
	})
	if !errors.Is(err, seen) || !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "wait until the door is open") {
		t.Errorf("got %v", err)
	}
	if err := until(t.Context(), "", func(context.Context) error { return nil }); err != nil {
		t.Errorf("what is true at once: got %v", err)
	}
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("1\n2\n{\"msg\":\"Starting workers\"}\n3\n4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("3\n4\n", tail(path, 3)); diff != "" { // what follows the last line counts as one
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := tail(path+"x", 3); !strings.Contains(got, "no such file") {
		t.Errorf("without a log: got %q", got)
	}
}
