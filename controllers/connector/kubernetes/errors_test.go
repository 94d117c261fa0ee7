// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

func TestClassify(t *testing.T) {
	resource := func(name string) schema.GroupResource { return schema.GroupResource{Resource: name} }
	terminating := apierrors.NewForbidden(resource("rolebindings"), "x", errors.New("alice"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	for name, tc := range map[string]struct {
		err     error
		kind    connector.Kind
		retry   time.Duration
		message string
	}{
		"Unauthorized":  {apierrors.NewUnauthorized("alice"), connector.KindDenied, 0, "the cluster refuses the credential"},
		"Forbidden":     {apierrors.NewForbidden(resource("rolebindings"), "x", errors.New("alice")), connector.KindDenied, 0, "make it: the cluster refuses it"},
		"Terminating":   {terminating, connector.KindUnavailable, refusedWait, "make it: the namespace is being deleted"},
		"NoNamespace":   {apierrors.NewNotFound(resource("namespaces"), "team-x"), connector.KindInvalid, 0, `namespace "team-x" does not exist`},
		"NoRoleNoRight": {apierrors.NewNotFound(resource("rolebindings"), "view"), connector.KindInvalid, 0, `make it: the role does not exist, and the right to bind it is missing`},
		"NoAPI":         {apierrors.NewGenericServerResponse(http.StatusNotFound, "get", resource(""), "", "alice", 0, true), connector.KindUnavailable, refusedWait, "make it: what answers does not serve the RBAC API"},
		"Conflict":      {apierrors.NewConflict(resource("rolebindings"), "x", errors.New("alice")), connector.KindUnavailable, soon, "make it: it is being changed by somebody else"},
		"Invalid":       {apierrors.NewInvalid(schema.GroupKind{Kind: "RoleBinding"}, "alice", nil), connector.KindInvalid, 0, "make it: the cluster does not accept it"},
		"TooMany":       {apierrors.NewTooManyRequests("alice", 7), connector.KindUnavailable, 7 * time.Second, "make it: the cluster cannot do it now"},
		"ServerTimeout": {apierrors.NewServerTimeout(resource("x"), "get", 2), connector.KindUnavailable, 2 * time.Second, "make it: the cluster cannot do it now"},
		"Internal":      {apierrors.NewInternalError(errors.New("alice")), connector.KindUnavailable, 0, "make it: the cluster cannot do it now"},
		"Gone":          {apierrors.NewResourceExpired("alice"), connector.KindUnavailable, 0, "make it: the cluster cannot do it now"},
		"Redirect":      {apierrors.NewGenericServerResponse(http.StatusFound, "get", resource(""), "", "alice", 0, true), connector.KindUnavailable, 0, "make it: the cluster cannot do it now"},
		"NoAnswer":      {&url.Error{Op: "Get", URL: "https://alice", Err: context.DeadlineExceeded}, connector.KindUnavailable, 0, "make it: the cluster does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			err := classify(operation{what: "make it"}, fmt.Errorf("wrapped: %w", tc.err))
			if connector.KindOf(err) != tc.kind || connector.RetryAfter(err) != tc.retry || err.Error() != tc.message {
				t.Errorf("got %s, %v, %q", connector.KindOf(err), connector.RetryAfter(err), err)
			}
			if !errors.Is(err, tc.err) {
				t.Error("the cause is lost")
			}
			if strings.Contains(fmt.Sprintf("%+v", err), "alice") {
				t.Errorf("quotes the answer: %+v", err)
			}
		})
	}
}

// transport answers every request itself.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestRedirectIsNotFollowed keeps the credential with the host that it is for.
func TestRedirectIsNotFollowed(t *testing.T) {
	elsewhere := make(chan string, 100)
	conn := openWith(t, Config{Roles: testRoles(), RESTConfig: &rest.Config{
		Host: "http://cluster.example", BearerToken: canary,
		Transport: transport(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host != "cluster.example" {
				elsewhere <- r.URL.Host
			}
			return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {"http://evil.example/"}}, Body: http.NoBody, Request: r}, nil
		}),
	}})
	_, err := conn.Observe(t.Context(), active(owner, "alice", "reader"))
	if connector.KindOf(err) != connector.KindUnavailable {
		t.Errorf("err = %v", err)
	}
	if len(elsewhere) > 0 {
		t.Errorf("followed to %s", <-elsewhere)
	}
}

// TestAdmissionRefuses is a 403 although the rights are there: no reason to park the whole application.
func TestAdmissionRefuses(t *testing.T) {
	const allowed = `{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1","status":{"allowed":true}}`
	const refused = `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"alice is not welcome","reason":"Forbidden","code":403}`
	conn := openWith(t, Config{Roles: testRoles(), RESTConfig: &rest.Config{
		Host: "http://cluster.example",
		Transport: transport(func(r *http.Request) (*http.Response, error) {
			code, body := http.StatusForbidden, refused
			if strings.Contains(r.URL.Path, "selfsubjectaccessreviews") {
				code, body = http.StatusCreated, allowed
			}
			return answer(r, code, body), nil
		}),
	}})
	err := conn.create(t.Context(), bound("reader")[0])
	want := `create the binding of role "reader" in namespace "team-a": the cluster's admission refuses it, although the rights are there`
	if connector.KindOf(err) != connector.KindUnavailable || err.Error() != want {
		t.Errorf("err = %v", err)
	}
}
