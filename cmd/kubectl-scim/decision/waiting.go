// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/table"
)

// waiting is something that may wait for a decision.
type waiting interface {
	// object has the annotations that decide.
	object() client.Object
	// state is the digest of what the object says that waits; empty if nothing does. hint says then where to look instead.
	state() (digest, hint string)
	// look reads what exactly waits.
	look(ctx context.Context, c *cli.Client, p *cli.Patience) (shown, error)
	// settle waits until what was shown is decided, and returns errChanged when it is not, because it is another set now.
	settle(ctx context.Context, c *cli.Client, s shown, p *cli.Patience) error
	// effect is what a verdict does, for the question.
	effect(v verdict) string
}

// shown is what somebody saw and decides about.
type shown struct {
	digest  string
	summary string
	table   *table.Table
	// accounts that it is about.
	accounts []*v1alpha1.ScimAccount
}

// newWaiting returns one that is to be read into its object.
func newWaiting(kind, namespace, name string) waiting {
	at := metav1.ObjectMeta{Namespace: namespace, Name: name}
	switch kind {
	case kindDirectory:
		return &removals{directory: &v1alpha1.ScimDirectory{ObjectMeta: at}}
	case kindAccount:
		return &adoption{account: &v1alpha1.ScimAccount{ObjectMeta: at}}
	default:
		return &removals{application: &v1alpha1.ScimApplication{ObjectMeta: at}}
	}
}

func digestOf(w waiting) string {
	digest, _ := w.state()
	return digest
}

// nameOf is how a caller names it.
func nameOf(w waiting) string {
	kind := kindApplication
	switch w.object().(type) {
	case *v1alpha1.ScimDirectory:
		kind = kindDirectory
	case *v1alpha1.ScimAccount:
		kind = kindAccount
	}
	return kind + "/" + w.object().GetName()
}
