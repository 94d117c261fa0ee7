// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package walk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

const (
	// quiet is for how long nothing may be written before it is called quiet: a count of a grant follows within ten seconds.
	quiet = 12 * time.Second
	// anew is how long a controller that starts is given to look at everything.
	anew = 4 * time.Second
)

// silent waits until nothing is written any more. Then nothing may be written when the controller starts anew and looks at everything,
// and the end has to be the same as before.
func (w *walker) silent(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	before, err := w.quieten(ctx)
	if err != nil {
		return err
	}
	if err := w.Restart(ctx); err != nil {
		return err
	}
	after, err := w.writtenAfter(ctx, anew)
	if err != nil {
		return err
	}
	if diff := before.diff(after); diff != "" {
		return fmt.Errorf("it was quiet, and a new controller wrote something (-before +after):\n%s", diff)
	}
	d, err := w.compare(ctx)
	if err == nil && len(d.text) > 0 {
		err = fmt.Errorf("the end did not last: %v", d.text)
	}
	return err
}

// quieten waits until it is quiet, and returns what there is then.
func (w *walker) quieten(ctx context.Context) (written, error) {
	before, err := w.writtenAfter(ctx, 0)
	for err == nil {
		var after written
		if after, err = w.writtenAfter(ctx, quiet); err != nil {
			break
		}
		diff := before.diff(after)
		switch {
		case diff == "":
			return after, nil
		case ctx.Err() != nil:
			return nil, fmt.Errorf("it goes on writing (-before +after):\n%s", diff)
		}
		before = after
	}
	return nil, err
}

// written is all that the controller can write, by kind and name.
type written map[string]client.Object

// writtenAfter looks after a while, or when time is up.
func (w *walker) writtenAfter(ctx context.Context, while time.Duration) (written, error) {
	timer := time.NewTimer(while)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	ctx = context.WithoutCancel(ctx)
	all := written{}
	for _, list := range []client.ObjectList{
		&v1alpha1.ScimAccountList{}, &v1alpha1.ScimUserList{}, &v1alpha1.ScimGroupList{}, &v1alpha1.ScimGrantList{},
		&v1alpha1.ScimApplicationList{}, &v1alpha1.ScimDirectoryList{},
	} {
		if err := all.add(ctx, w.Client, list, w.namespace); err != nil {
			return nil, err
		}
	}
	for _, suffix := range []string{"-a", "-b"} {
		if err := all.add(ctx, w.Client, &rbacv1.RoleBindingList{}, w.namespace+suffix); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (all written) add(ctx context.Context, c client.Client, list client.ObjectList, namespace string) error {
	if err := c.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return err
	}
	return meta.EachListItem(list, func(o runtime.Object) error {
		object, ok := o.(client.Object)
		if !ok {
			return errors.New("the list holds something without metadata")
		}
		all[fmt.Sprintf("%T %s", o, object.GetName())] = object
		return nil
	})
}

// diff says what was written since, and by whom; nothing if nobody wrote anything.
func (all written) diff(later written) string {
	var text strings.Builder
	both := maps.Clone(all)
	maps.Copy(both, later)
	for _, name := range slices.Sorted(maps.Keys(both)) {
		a, b := all[name], later[name]
		if a == nil || b == nil || a.GetResourceVersion() != b.GetResourceVersion() {
			fmt.Fprintf(&text, "%s:\n%s", name, cmp.Diff(fieldsOf(a), fieldsOf(b)))
		}
	}
	return text.String()
}

// fieldsOf is an object as text can be made of it, nil of none.
func fieldsOf(o client.Object) (fields map[string]any) {
	text, err := json.Marshal(o)
	if err == nil {
		err = json.Unmarshal(text, &fields)
	}
	if err != nil {
		fields = map[string]any{"error": err.Error()} // none of our kinds does that
	}
	return fields
}
