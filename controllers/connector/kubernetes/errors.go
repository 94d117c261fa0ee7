// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

const (
	roleBindings        = "rolebindings"
	clusterRoleBindings = "clusterrolebindings"

	// refusedWait is when to try again what the cluster refuses for reasons that only its administrators can change.
	refusedWait = time.Minute
)

// operation is a request as people read about it, and the rights that it needs.
type operation struct {
	what  string
	needs needs
}

func listing(resource, namespace string) operation {
	return operation{"list " + resource, needs{{verb: "list", resource: resource}: {namespace}}}
}

func creating(b binding) operation {
	what := fmt.Sprintf("create the binding of role %q%s", b.Annotations[RoleAnnotation], where(b.Namespace))
	return operation{what, needs{
		{verb: "create", resource: b.resource()}: {b.Namespace},
		bindRight(b.ref):                         {b.Namespace},
	}}
}

// deleting does not name the role: the annotation of a binding that is there may say anything.
func deleting(b binding) operation {
	return operation{"delete a binding" + where(b.Namespace), needs{{verb: "delete", resource: b.resource()}: {b.Namespace}}}
}

func (b binding) resource() string {
	if b.Namespace == "" {
		return clusterRoleBindings
	}
	return roleBindings
}

func bindRight(ref rbacv1.RoleRef) right {
	if ref.Kind == KindRole {
		return right{verb: "bind", resource: "roles", name: ref.Name}
	}
	return right{verb: "bind", resource: "clusterroles", name: ref.Name}
}

func where(namespace string) string {
	if namespace == "" {
		return " in the cluster"
	}
	return fmt.Sprintf(" in namespace %q", namespace)
}

// explain turns an error of a request into one of a kind. What the API server says is never quoted: it may hold the
// user name.
func (c *Connector) explain(ctx context.Context, op operation, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", op.what, context.Canceled)
	case apierrors.IsForbidden(err) && !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return c.explainForbidden(ctx, op, err)
	}
	return classify(op, err)
}

// explainForbidden asks the API server which right is missing, for its answer alone does not tell missing rights from a
// refusal by admission.
func (c *Connector) explainForbidden(ctx context.Context, op operation, err error) error {
	missing, askErr := c.missing(ctx, op.needs)
	switch {
	case askErr != nil:
		return connector.Deniedf("%s: the cluster refuses it", op.what).Because(err)
	case len(missing) == 0:
		return connector.Unavailablef(refusedWait, "%s: the cluster's admission refuses it, although the rights are there", op.what).Because(err)
	}
	return lacking(missing).Because(err)
}

// classify knows everything but missing rights.
//
//	answer                                   kind
//	401, 403                                 Denied
//	404 namespace, ClusterRole or Role       Invalid
//	403 namespace terminating                Unavailable, in a minute
//	400, 422                                 Invalid
//	409                                      Unavailable, soon
//	429, 5xx, time-outs, no answer           Unavailable, when the API server says or by back-off
func classify(op operation, err error) error {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return connector.Unavailablef(0, "%s: the cluster does not answer", op.what).Because(err)
	}
	retryAfter := time.Duration(0)
	if seconds, ok := apierrors.SuggestsClientDelay(err); ok {
		retryAfter = time.Duration(seconds) * time.Second
	}
	answer := status.Status()
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return connector.Unavailablef(refusedWait, "%s: the namespace is being deleted", op.what).Because(err)
	case answer.Code == http.StatusUnauthorized:
		return connector.Deniedf("the cluster refuses the credential").Because(err)
	case answer.Code == http.StatusForbidden:
		return connector.Deniedf("%s: the cluster refuses it", op.what).Because(err)
	case answer.Code == http.StatusNotFound:
		return notFound(op, answer).Because(err)
	case answer.Code == http.StatusBadRequest || answer.Code == http.StatusUnprocessableEntity:
		return connector.Invalidf("%s: the cluster does not accept it", op.what).Because(err)
	case answer.Code == http.StatusConflict:
		return connector.Unavailablef(soon, "%s: it is being changed by somebody else", op.what).Because(err)
	}
	return connector.Unavailablef(retryAfter, "%s: the cluster cannot do it now", op.what).Because(err)
}

func notFound(op operation, answer metav1.Status) *connector.Error {
	if answer.Details == nil {
		return connector.Unavailablef(refusedWait, "%s: what answers does not serve the RBAC API", op.what)
	}
	switch answer.Details.Kind {
	case "namespaces":
		return connector.Invalidf("namespace %q does not exist", answer.Details.Name)
	case "rolebindings", "clusterrolebindings":
		// Who may bind a role may bind one that does not exist; from anybody else the API server wants to compare rights.
		return connector.Invalidf("%s: the role does not exist, and the right to bind it is missing", op.what)
	}
	return connector.Unavailablef(refusedWait, "%s: what answers does not serve the RBAC API", op.what)
}
