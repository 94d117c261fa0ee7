// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package walk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// silent waits until nothing is written any more, then wants nothing to be written for as long again, and the end to be the
// same as before.
func (w *walker) silent(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	before, err := w.versions(ctx)
	if err != nil {
		return err
	}
	for quietLooks := 0; quietLooks < 2; quietLooks++ {
		after, diff, err := w.changes(ctx, before)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("it goes on writing (-before +after):\n%s", diff)
		case err != nil:
			return err
		case diff != "" && quietLooks == 0:
			before, quietLooks = after, -1 // counts follow within seconds
		case diff != "":
			return fmt.Errorf("it was quiet, and then something was written (-before +after):\n%s", diff)
		}
	}
	d, err := w.compare(ctx)
	if err == nil && len(d.text) > 0 {
		err = fmt.Errorf("the end did not last: %v", d.text)
	}
	return err
}

// changes looks again after a while.
func (w *walker) changes(ctx context.Context, before map[string]string) (after map[string]string, diff string, err error) {
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	after, err = w.versions(context.WithoutCancel(ctx))
	return after, cmp.Diff(before, after), err
}

// versions are the resource versions of what the controller can write.
func (w *walker) versions(ctx context.Context) (map[string]string, error) {
	all := map[string]string{}
	for _, list := range []client.ObjectList{
		&v1alpha1.ScimAccountList{}, &v1alpha1.ScimUserList{}, &v1alpha1.ScimGroupList{}, &v1alpha1.ScimGrantList{},
		&v1alpha1.ScimApplicationList{}, &v1alpha1.ScimDirectoryList{},
	} {
		if err := w.addVersions(ctx, list, w.namespace, all); err != nil {
			return nil, err
		}
	}
	for _, suffix := range []string{"-a", "-b"} {
		if err := w.addVersions(ctx, &rbacv1.RoleBindingList{}, w.namespace+suffix, all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (w *walker) addVersions(ctx context.Context, list client.ObjectList, namespace string, all map[string]string) error {
	if err := w.Client.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return err
	}
	return meta.EachListItem(list, func(o runtime.Object) error {
		object, ok := o.(client.Object)
		if !ok {
			return errors.New("the list holds something without metadata")
		}
		all[fmt.Sprintf("%T %s", o, object.GetName())] = object.GetResourceVersion()
		return nil
	})
}
