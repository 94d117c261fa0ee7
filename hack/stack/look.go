// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// Poll asks until the answer is yes or an error, or ctx ends. It asks again after 5 ms first, and ever less often then, down to five times a
// second: asking takes its time from what is waited for.
func Poll(ctx context.Context, ask func(ctx context.Context) (bool, error)) error {
	pauses := wait.Backoff{Duration: 5 * time.Millisecond, Factor: 1.4, Cap: 200 * time.Millisecond, Steps: math.MaxInt}
	return pauses.DelayFunc().Until(ctx, true, true, ask)
}

// WaitReady waits until the object says Ready for its present generation. The object needs a kind that Client knows, a
// namespace and a name. The error tells what its Ready condition says.
func (s *Stack) WaitReady(ctx context.Context, object client.Object) error {
	gvk, err := apiutil.GVKForObject(object, s.Client.Scheme())
	if err != nil {
		return err
	}
	last := "not there"
	err = Poll(ctx, func(ctx context.Context) (bool, error) {
		live := &unstructured.Unstructured{}
		live.SetGroupVersionKind(gvk)
		if err := s.Client.Get(ctx, client.ObjectKeyFromObject(object), live); err != nil {
			return false, client.IgnoreNotFound(err)
		}
		ready := condition(live, v1alpha1.ConditionReady)
		if ready == nil {
			last = "no Ready condition"
			return false, nil
		}
		last = fmt.Sprintf("%s: %s", ready.Reason, ready.Message)
		return ready.Status == metav1.ConditionTrue && ready.ObservedGeneration == live.GetGeneration(), nil
	})
	if err != nil {
		return fmt.Errorf("wait for %s %s to be ready (%s): %w", gvk.Kind, client.ObjectKeyFromObject(object), last, err)
	}
	return nil
}

func condition(object *unstructured.Unstructured, conditionType string) *metav1.Condition {
	var status struct {
		Status struct {
			Conditions []metav1.Condition `json:"conditions"`
		} `json:"status"`
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &status); err != nil {
		return nil
	}
	return meta.FindStatusCondition(status.Status.Conditions, conditionType)
}

// Token reads the bearer token of a ScimToken that is ready and has no secretName of its own.
func (s *Stack) Token(ctx context.Context, namespace, name string) (string, error) {
	secret := &corev1.Secret{}
	if err := s.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, secret); err != nil {
		return "", fmt.Errorf("read the Secret of ScimToken %q: %w", name, err)
	}
	return string(secret.Data["token"]), nil
}

// MayReadPods asks the API server by a SubjectAccessReview whether the user may get pods in the namespace.
func (s *Stack) MayReadPods(ctx context.Context, userName, namespace string) (bool, error) {
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User:               userName,
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: "get", Resource: "pods"},
	}}
	if err := s.Client.Create(ctx, review); err != nil {
		return false, fmt.Errorf("review access: %w", err)
	}
	return review.Status.Allowed, nil
}

// WaitMayReadPods repeats MayReadPods until it answers want. An API server learns of a role binding a moment after it
// was written.
func (s *Stack) WaitMayReadPods(ctx context.Context, userName, namespace string, want bool) error {
	err := Poll(ctx, func(ctx context.Context) (bool, error) {
		may, err := s.MayReadPods(ctx, userName, namespace)
		return may == want, err
	})
	if err != nil {
		return fmt.Errorf("wait until the access review answers %t: %w", want, err)
	}
	return nil
}

// Kubectl is the kubectl on PATH, or else the one that hack/controlplane built.
func Kubectl() (string, error) {
	path, err := exec.LookPath("kubectl")
	if err == nil {
		return path, nil
	}
	root, rootErr := Root()
	if rootErr != nil {
		return "", rootErr
	}
	path = filepath.Join(root, "bin/controlplane/kubectl")
	if _, statErr := os.Stat(path); statErr != nil {
		return "", fmt.Errorf("find kubectl: %w: run `make controlplane`", errors.Join(err, statErr))
	}
	return path, nil
}
