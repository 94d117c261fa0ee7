// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package enqueue

import (
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

func keysOf(list client.ObjectList) []reconcile.Request {
	keys := make([]reconcile.Request, 0, meta.LenList(list))
	_ = meta.EachListItem(list, func(o runtime.Object) error { // fails only when the function does
		if named, ok := o.(client.Object); ok {
			keys = append(keys, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(named)})
		}
		return nil
	})
	return keys
}
