// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// TestSequences goes through the requests of every client as scimserver/scim/testdata/sequences has them, each in a directory
// of its own, every step at another server than the one before.
func TestSequences(t *testing.T) {
	s := shared.get(t)
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "scimserver/scim/testdata/sequences/*.json"))
	if err != nil || len(files) < 12 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			newReplay(t, s, readSequence(t, file)).run(t)
		})
	}
}

// replay is a sequence that is being sent.
type replay struct {
	*tenant
	sequence
	client   *http.Client
	known    variables
	personal map[string]bool
}

func newReplay(t *testing.T, s *stack.Stack, seq sequence) *replay {
	t.Helper()
	tn := &tenant{Stack: s, namespace: "e2e-" + uuid.NewString()[:8]}
	if err := s.CreateNamespace(t.Context(), tn.namespace); err != nil {
		t.Fatal(err)
	}
	tn.mustCreate(t, &v1alpha1.ScimDirectory{ObjectMeta: tn.meta(directoryName), Spec: seq.Directory}, &v1alpha1.ScimToken{
		ObjectMeta: tn.meta(tokenName), Spec: v1alpha1.ScimTokenSpec{DirectoryRef: v1alpha1.LocalReference{Name: directoryName}},
	})
	tn.waitReady(t, &v1alpha1.ScimDirectory{ObjectMeta: tn.meta(directoryName)}, &v1alpha1.ScimToken{ObjectMeta: tn.meta(tokenName)})
	var err error
	if tn.token, err = s.Token(t.Context(), tn.namespace, tokenName); err == nil {
		err = s.WaitServed(t.Context(), tn.namespace, directoryName, tn.token)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range s.Servers {
		tn.idp = append(tn.idp, idp.New(server.BaseURL(tn.namespace, directoryName), tn.token))
	}
	known := variables{"base": s.Servers[0].BaseURL(tn.namespace, directoryName)} // the public URL is that of the first server
	return &replay{tenant: tn, sequence: seq, client: &http.Client{Timeout: patience}, known: known, personal: map[string]bool{}}
}

func (r *replay) run(t *testing.T) {
	t.Helper()
	for i, s := range r.Steps {
		if err := r.step(t, i, s); err != nil {
			t.Fatalf("step %d, %s (%s): %v", i+1, s.Request, s.Why, err)
		}
	}
	for i := range r.idp {
		r.checkFinal(t, i)
	}
	r.checkLogs(t)
}

// step sends a request to one server, or for what may come late repeats it there.
func (r *replay) step(t *testing.T, i int, s step) error {
	t.Helper()
	body := r.known.body(t, s)
	personal(body, "", r.personal)
	var answer idp.Response
	try := func(ctx context.Context) (err error) {
		if answer, err = r.send(ctx, i%len(r.Servers), s, body); err == nil {
			err = r.check(s, answer)
		}
		return err
	}
	if s.Eventually {
		eventually(t, try)
	} else if err := try(t.Context()); err != nil {
		return err
	}
	r.known.save(t, s, answer.Body)
	return nil
}

// send sends exactly the headers of the sequence, the step and the token.
func (r *replay) send(ctx context.Context, server int, s step, body any) (idp.Response, error) {
	method, path, _ := strings.Cut(r.known.text(s.Request), " ")
	var encoded []byte
	if body != nil {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			return idp.Response{}, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, r.Servers[server].BaseURL(r.namespace, directoryName)+path, bytes.NewReader(encoded))
	if err != nil {
		return idp.Response{}, err
	}
	request.Header.Set("Authorization", "Bearer "+r.token)
	for _, headers := range []map[string]string{r.Headers, s.Headers} {
		for name, value := range headers {
			request.Header.Set(name, r.known.text(value))
		}
	}
	if body == nil {
		request.Header.Del("Content-Type")
	}
	return r.answer(request)
}

func (r *replay) answer(request *http.Request) (idp.Response, error) {
	answer, err := r.client.Do(request)
	if err != nil {
		return idp.Response{}, err
	}
	var raw bytes.Buffer
	_, err = raw.ReadFrom(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return idp.Response{}, err
	}
	out := idp.Response{Status: answer.StatusCode, Header: answer.Header, Raw: raw.Bytes()}
	_ = json.Unmarshal(out.Raw, &out.Body) // what is no object leaves Body empty
	return out, nil
}

// check compares an answer with what the step wants of it. Every answer with a body is SCIM, every error a SCIM error.
func (r *replay) check(s step, answer idp.Response) error {
	if answer.Status != s.Status {
		return fmt.Errorf("got %s, want status %d", answer, s.Status)
	}
	for name, want := range s.Answer {
		if got := answer.Header.Get(name); got != r.known.text(want) && (want != "*" || got == "") {
			return fmt.Errorf("header %s: got %q, want %q", name, got, r.known.text(want))
		}
	}
	if s.Want == nil && s.Status == http.StatusNoContent && len(answer.Raw) > 0 {
		return fmt.Errorf("got %s, want no body", answer)
	}
	if s.Status >= http.StatusBadRequest {
		if answer.Body["status"] != fmt.Sprint(s.Status) || answer.Body["detail"] == "" {
			return fmt.Errorf("got %s, want a SCIM error", answer)
		}
	}
	if s.Want != nil {
		if m := mismatch("body", r.known.expand(s.Want), answer.Body); m != "" {
			return fmt.Errorf("%s\nin %s", m, answer)
		}
	}
	return nil
}

// checkFinal wants the users and groups of Final and no other in the lists of one server.
func (r *replay) checkFinal(t *testing.T, server int) {
	t.Helper()
	for path, want := range map[string]map[string]idp.Object{"/Users": r.Final.Users, "/Groups": r.Final.Groups} {
		eventually(t, func(ctx context.Context) error {
			answer, err := r.idp[server].Get(ctx, path+"?count=200")
			if err != nil {
				return err
			}
			resources := answer.Resources()
			if len(resources) != len(want) {
				return fmt.Errorf("%s of server %d: %d resources, want %d: %s", path, server, len(resources), len(want), answer)
			}
			for _, resource := range resources {
				if m := r.mismatchOfFinal(want, resource); m != "" {
					return fmt.Errorf("%s of server %d: %s", path, server, m)
				}
			}
			return nil
		})
	}
}

func (r *replay) mismatchOfFinal(all map[string]idp.Object, resource idp.Object) string {
	for name, want := range all {
		if r.known[name] == resource["id"] {
			return mismatch(name, r.known.expand(want), resource)
		}
	}
	return fmt.Sprintf("%v is not expected", resource["id"])
}

// checkLogs wants nothing of what the sequence says about people in the logs of the programs, and no token.
func (r *replay) checkLogs(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(r.LogDir(), "scim-*"))
	if err != nil || len(files) < len(r.Servers)+1 {
		t.Fatalf("logs %v: %v", files, err)
	}
	r.personal[r.token] = true
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		log := strings.ToLower(string(text))
		for canary := range r.personal {
			if at := strings.Index(log, strings.ToLower(canary)); at >= 0 {
				t.Errorf("%s has %q: …%s…", filepath.Base(file), canary, log[max(0, at-100):min(len(log), at+100)])
			}
		}
	}
}
