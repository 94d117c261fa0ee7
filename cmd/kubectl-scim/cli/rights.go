// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// ErrAttention is that the command worked, and that what it found needs somebody's attention.
var ErrAttention = errors.New("something needs attention")

// Code is the exit code of the plugin: 0 is well, 2 is ErrAttention, and 1 is every other error.
func Code(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, ErrAttention):
		return 2
	default:
		return 1
	}
}

// MissingRight is that the caller may not do something.
type MissingRight struct {
	// Verb and Resource of the right, such as list and scimusers.scim-operator.dev.
	Verb, Resource string
	// Namespace is empty for all namespaces.
	Namespace string
	err       error
}

func (m *MissingRight) Error() string {
	where := fmt.Sprintf("in the namespace %q", m.Namespace)
	if m.Namespace == "" {
		where = "in all namespaces"
	}
	return fmt.Sprintf("you may not %s %s %s: ask whoever administers the cluster for that right, or use another --context", m.Verb, m.Resource, where)
}

func (m *MissingRight) Unwrap() error { return m.err }

// explain says what to do about an error of the API server.
func (c *Client) explain(err error, verb string, o runtime.Object) error {
	if err == nil {
		return nil
	}
	resource := c.resource(o)
	switch {
	case isNoSuchKind(err):
		return fmt.Errorf("this cluster has no %s: scim-operator is not installed there, or --context is not the right one", resource)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("the cluster does not know you: log in again, or use another --context: %w", err)
	case isMissingRight(err):
		return &MissingRight{Verb: verb, Resource: resource, Namespace: c.Namespace, err: err}
	case apierrors.IsNotFound(err):
		return fmt.Errorf("there is no %s in the namespace %q", described(err, resource), c.Namespace)
	case apierrors.IsAlreadyExists(err):
		return fmt.Errorf("%s is there already in the namespace %q: choose another name", described(err, resource), c.Namespace)
	default:
		return fmt.Errorf("%s %s: %w", verb, resource, err)
	}
}

// isMissingRight tells RBAC, which speaks of a user who cannot, from an admission policy, which says why.
func isMissingRight(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), " cannot ")
}

// isNoSuchKind reports whether the API server does not serve the kind at all: then it says no more than that there is no such page.
func isNoSuchKind(err error) bool {
	var status apierrors.APIStatus
	return meta.IsNoMatchError(err) || apierrors.IsNotFound(err) && (!errors.As(err, &status) || status.Status().Details == nil ||
		apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse))
}

func described(err error, resource string) string {
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Details != nil {
		return fmt.Sprintf("%s %q", singular(status.Status().Details, resource), status.Status().Details.Name)
	}
	return resource
}

func singular(details *metav1.StatusDetails, resource string) string {
	if strings.HasPrefix(resource, details.Kind) {
		resource = details.Kind
	}
	if stem, plural := strings.CutSuffix(resource, "ies"); plural {
		return stem + "y"
	}
	return strings.TrimSuffix(resource, "s")
}

// resource is the name of the resource of an object or list, as RBAC has it.
func (c *Client) resource(o runtime.Object) string {
	gvk, err := apiutil.GVKForObject(o, c.c.Scheme())
	if err != nil {
		return "objects"
	}
	gvk.Kind = strings.TrimSuffix(gvk.Kind, "List")
	mapping, err := c.c.RESTMapper().RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return "objects"
	}
	return mapping.Resource.GroupResource().String()
}

// Kind is the kind of an object.
func (c *Client) Kind(o client.Object) string {
	gvk, err := apiutil.GVKForObject(o, c.c.Scheme())
	if err != nil {
		return ""
	}
	return gvk.Kind
}
