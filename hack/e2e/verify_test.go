// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/verify"
)

// TestPluginVerifies runs `kubectl scim verify` as somebody who has the documented rights: straight at a server nothing is wrong, and nothing is left behind.
func TestPluginVerifies(t *testing.T) {
	tn := newTenant(t, shared.get(t))
	p := newPlugin(t, tn, "verifier-"+tn.namespace, "scim-viewer", "scim-verify")
	out := p.run(t, "", "verify")
	if out.code != 0 || !strings.Contains(out.stdout, "\n0 of ") {
		t.Errorf("exit code %d:\n%s%s", out.code, out.stdout, out.stderr)
	}
	t.Log(out.stdout)
	eventually(t, tn.hasOnlyItsOwn)
}

// hasOnlyItsOwn says whether the tenant has one directory and one token, and no user or group.
func (tn *tenant) hasOnlyItsOwn(ctx context.Context) error {
	for kind, want := range map[client.ObjectList]int{
		&v1alpha1.ScimDirectoryList{}: 1, &v1alpha1.ScimTokenList{}: 1, &v1alpha1.ScimUserList{}: 0, &v1alpha1.ScimGroupList{}: 0,
	} {
		if err := tn.Client.List(ctx, kind, client.InNamespace(tn.namespace)); err != nil {
			return err
		}
		if n := apimeta.LenList(kind); n != want {
			return fmt.Errorf("%d objects of %T, want %d", n, kind, want)
		}
	}
	return nil
}

// TestVerifyNamesWhatAProxyBreaks puts proxies in the way that each do one thing wrong, as those of real installations do.
func TestVerifyNamesWhatAProxyBreaks(t *testing.T) {
	tn := newTenant(t, shared.get(t))
	for name, c := range map[string]struct {
		request func(http.ResponseWriter, *http.Request) (handled bool)
		answer  func(*http.Response) error
		says    string
	}{
		"DropsTheCredential": {request: func(_ http.ResponseWriter, r *http.Request) bool { r.Header.Del("Authorization"); return false }, says: "Authorization is dropped"},
		"KnowsTwoMethods": {request: func(w http.ResponseWriter, r *http.Request) bool {
			return r.Method != http.MethodGet && r.Method != http.MethodPost && page(w, http.StatusMethodNotAllowed)
		}, says: "PUT, PATCH and DELETE"},
		"TakesSmallBodies": {request: func(w http.ResponseWriter, r *http.Request) bool {
			return r.ContentLength > 1<<20 && page(w, http.StatusRequestEntityTooLarge)
		}, says: "limit of bodies"},
		"RoutesNothing":     {request: func(w http.ResponseWriter, _ *http.Request) bool { return page(w, http.StatusNotFound) }, says: "not routed"},
		"ReplacesErrors":    {answer: errorPages, says: "error pages are replaced"},
		"DropsETags":        {answer: func(r *http.Response) error { r.Header.Del("Etag"); return nil }, says: "ETag is dropped"},
		"DropsIfMatch":      {request: func(_ http.ResponseWriter, r *http.Request) bool { r.Header.Del("If-Match"); return false }, says: "in the place of 412"},
		"DecodesTwice":      {request: decodeTwice, says: "query is changed"},
		"ChangesMediaTypes": {answer: func(r *http.Response) error { r.Header.Set("Content-Type", "text/plain"); return nil }, says: "media type"},
	} {
		t.Run(name, func(t *testing.T) {
			at := brokenProxy(t, tn.Servers[0].URL, c.request, c.answer)
			var problems []string
			for _, f := range verify.Play(t.Context(), at+"/scim/v2/"+tn.namespace+"/"+directoryName, tn.token) {
				if f.Problem != "" {
					problems = append(problems, f.Check+": "+f.Problem)
				}
			}
			if all := strings.Join(problems, "\n"); !strings.Contains(all, c.says) {
				t.Errorf("the problems do not say %q:\n%s", c.says, all)
			}
		})
	}
}

// page answers as proxies do.
func page(w http.ResponseWriter, status int) bool {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<html><h1>proxy</h1></html>")
	return true
}

func errorPages(r *http.Response) error {
	if r.StatusCode < http.StatusBadRequest {
		return nil
	}
	text := []byte("<html><h1>not found</h1></html>")
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	r.Header = http.Header{"Content-Type": {"text/html"}}
	return nil
}

// decodeTwice does to the query what some do who rewrite URLs.
func decodeTwice(_ http.ResponseWriter, r *http.Request) bool {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err == nil && values.Has("filter") {
		if again, err := url.QueryUnescape(values.Get("filter")); err == nil {
			values.Set("filter", again)
			r.URL.RawQuery = values.Encode()
		}
	}
	return false
}

func brokenProxy(t *testing.T, target string, request func(http.ResponseWriter, *http.Request) bool, answer func(*http.Response) error) (at string) {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, ModifyResponse: answer}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if request == nil || !request(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}
