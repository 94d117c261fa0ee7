// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package walk

import (
	"context"
	"encoding/json"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

func (w *walker) breakCredential(ctx context.Context) (string, []string, error) {
	if w.broken {
		return "", nil, nil
	}
	w.broken = true
	what := w.random.IntN(len(w.bad) + 1)
	if what == len(w.bad) {
		return "take the label from the Secret", nil, w.putSecret(ctx, w.good, false)
	}
	return []string{"a server that is not there", "a credential without rights"}[what], nil, w.putSecret(ctx, w.bad[what], true)
}

func (w *walker) mendCredential(ctx context.Context) (string, []string, error) {
	if !w.broken {
		return "", nil, nil
	}
	return "mend the credential", nil, w.mend(ctx)
}

// mend makes the credential good again. Nothing tells the controller, which tries again by itself.
func (w *walker) mend(ctx context.Context) error {
	w.broken = false
	return w.putSecret(ctx, w.good, true)
}

func (w *walker) putSecret(ctx context.Context, kubeconfig []byte, labelled bool) error {
	label := any(nil)
	if labelled {
		label = "true"
	}
	patch, err := json.Marshal(map[string]any{
		"data":     map[string]any{"kubeconfig": kubeconfig},
		"metadata": map[string]any{"labels": map[string]any{v1alpha1.LabelCredential: label}},
	})
	if err != nil {
		return err
	}
	return w.Client.Patch(ctx, w.secret(nil, false), client.RawPatch("application/merge-patch+json", patch))
}

func (w *walker) restart(ctx context.Context) (string, []string, error) {
	return "kill and restart the controller", nil, w.Restart(ctx)
}

// look mends everything and compares.
func (w *walker) look(ctx context.Context) (string, []string, error) {
	if err := w.mend(ctx); err != nil {
		return "mend the credential", nil, err
	}
	return "look whether all is well", nil, w.settle(ctx)
}
