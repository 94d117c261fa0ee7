// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// keyIDField is the index of ScimTokens by the key ids that their status publishes.
const keyIDField = "status.credentials.keyID"

// IndexFields adds the index that Authenticate looks tokens up with. Call it once, before the cache starts.
func IndexFields(ctx context.Context, indexer client.FieldIndexer) error {
	if err := indexer.IndexField(ctx, &v1alpha1.ScimToken{}, keyIDField, keyIDs); err != nil {
		return fmt.Errorf("index ScimTokens by key id: %w", err)
	}
	return nil
}

func keyIDs(obj client.Object) []string {
	t, ok := obj.(*v1alpha1.ScimToken)
	if !ok {
		return nil
	}
	ids := make([]string, 0, len(t.Status.Credentials))
	for _, credential := range t.Status.Credentials {
		ids = append(ids, credential.KeyID)
	}
	return ids
}

// Synced makes informers watch what Authenticate reads, and returns whether they all hold their first list. It does not
// wait; once true it stays true, also when the API server is lost later: a token that was good stays good.
func Synced(ctx context.Context, informers cache.Informers) (func() bool, error) {
	var all []cache.Informer
	for _, obj := range []client.Object{&v1alpha1.ScimToken{}, &v1alpha1.ScimDirectory{}} {
		informer, err := informers.GetInformer(ctx, obj, cache.BlockUntilSynced(false))
		if err != nil {
			return nil, fmt.Errorf("watch %T: %w", obj, err)
		}
		all = append(all, informer)
	}
	return func() bool {
		for _, informer := range all {
			if !informer.HasSynced() {
				return false
			}
		}
		return true
	}, nil
}
