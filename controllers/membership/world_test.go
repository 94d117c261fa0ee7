// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

const namespace = "ns"

// store is a cache as controllers see it, or an API server, that tests change object by object.
type store struct {
	objects map[string]client.Object // by kind and name
	indexes map[string]client.IndexerFunc
	// gets counts the reads of single objects.
	gets int
	// broken is what reads fail with.
	broken error
}

func newStore(t testing.TB, objects ...client.Object) *store {
	t.Helper()
	s := &store{objects: map[string]client.Object{}, indexes: map[string]client.IndexerFunc{}}
	if err := Register(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		s.put(o)
	}
	return s
}

func keyOf(o client.Object, name string) string { return fmt.Sprintf("%T/%s", o, name) }

func (s *store) put(o client.Object) { s.objects[keyOf(o, o.GetName())] = o }

func (s *store) drop(o client.Object) { delete(s.objects, keyOf(o, o.GetName())) }

// IndexField implements client.FieldIndexer.
func (s *store) IndexField(_ context.Context, _ client.Object, field string, values client.IndexerFunc) error {
	if _, twice := s.indexes[field]; twice {
		return errors.New("indexed twice")
	}
	s.indexes[field] = values
	return nil
}

// Get implements client.Reader.
func (s *store) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	s.gets++
	if s.broken != nil {
		return s.broken
	}
	o, found := s.objects[keyOf(into, key.Name)]
	if !found || key.Namespace != namespace {
		return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
	}
	reflect.ValueOf(into).Elem().Set(reflect.ValueOf(o).Elem())
	return nil
}

// List implements client.Reader, for slices by one field.
func (s *store) List(_ context.Context, into client.ObjectList, opts ...client.ListOption) error {
	var o client.ListOptions
	o.ApplyOptions(opts)
	want := o.FieldSelector.Requirements()[0]
	if s.broken != nil {
		return s.broken
	}
	var found []runtime.Object
	for _, object := range s.objects {
		if slice, is := object.(*v1alpha1.ScimMemberSlice); is && o.Namespace == namespace && slices.Contains(s.indexes[want.Field](slice), want.Value) {
			found = append(found, slice)
		}
	}
	return meta.SetList(into, found)
}

func user(name string) *v1alpha1.ScimUser {
	u := &v1alpha1.ScimUser{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	u.Spec.DirectoryRef.Name = "acme"
	return u
}

func group(name string) *v1alpha1.ScimGroup {
	g := &v1alpha1.ScimGroup{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: "uid"}}
	g.Spec.DirectoryRef.Name = "acme"
	return g
}

func going(g *v1alpha1.ScimGroup) *v1alpha1.ScimGroup {
	now := metav1.Now()
	g = g.DeepCopy()
	g.DeletionTimestamp = &now
	return g
}

func elsewhere(g *v1alpha1.ScimGroup) *v1alpha1.ScimGroup {
	g.Spec.DirectoryRef.Name = "other"
	return g
}

// leaf is a slice with users and groups, of which the names of groups begin with G.
func leaf(name, group string, members ...string) *v1alpha1.ScimMemberSlice {
	s := &v1alpha1.ScimMemberSlice{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	s.Spec.GroupRef.Name = group
	slices.Sort(members)
	for _, member := range members {
		if member[0] == 'G' {
			s.Spec.Groups = append(s.Spec.Groups, member)
		} else {
			s.Spec.Users = append(s.Spec.Users, member)
		}
	}
	return s
}

func inner(name, group string, children ...string) *v1alpha1.ScimMemberSlice {
	s := leaf(name, group)
	s.Spec.Children = children
	return s
}

func namesOf(groups []*v1alpha1.ScimGroup) []string {
	names := []string{}
	for _, g := range groups {
		names = append(names, g.Name)
	}
	return names
}
