// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"strconv"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// apiServer holds objects and gives each change a version, for lists. The zero apiServer is empty.
type apiServer struct {
	client.Reader
	mu      sync.Mutex
	version int
	objects []client.Object
	before  func(ctx context.Context) error
}

// fail has before called before every list, which it may fail; nil is nobody.
func (s *apiServer) fail(before func(ctx context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = before
}

// apply puts a copy of obj in the place of what has its name.
func (s *apiServer) apply(obj client.Object) client.Object {
	s.remove(obj)
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, _ := obj.DeepCopyObject().(client.Object)
	if stored.GetUID() == "" {
		stored.SetUID(types.UID("uid of " + obj.GetNamespace() + "/" + obj.GetName()))
	}
	s.version++
	stored.SetResourceVersion(strconv.Itoa(s.version))
	s.objects = append(s.objects, stored)
	return stored
}

// remove returns what a watch tells, or nil.
func (s *apiServer) remove(obj client.Object) client.Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, known := range s.objects {
		if sameKind(known, obj) && client.ObjectKeyFromObject(known) == client.ObjectKeyFromObject(obj) {
			s.objects = append(s.objects[:i:i], s.objects[i+1:]...)
			s.version++
			last, _ := known.DeepCopyObject().(client.Object)
			last.SetResourceVersion(strconv.Itoa(s.version))
			return last
		}
	}
	return nil
}

func sameKind(a, b client.Object) bool {
	_, isToken := a.(*v1alpha1.ScimToken)
	_, other := b.(*v1alpha1.ScimToken)
	return isToken == other
}

// List implements client.Reader.
func (s *apiServer) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	s.mu.Lock()
	before := s.before
	s.mu.Unlock()
	if before != nil {
		if err := before(ctx); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var o client.ListOptions
	o.ApplyOptions(opts)
	for _, obj := range s.objects {
		if o.Namespace != "" && o.Namespace != obj.GetNamespace() {
			continue
		}
		switch out := list.(type) {
		case *v1alpha1.ScimTokenList:
			if token, ok := obj.(*v1alpha1.ScimToken); ok {
				out.Items = append(out.Items, *token.DeepCopy())
			}
		case *v1alpha1.ScimDirectoryList:
			if dir, ok := obj.(*v1alpha1.ScimDirectory); ok {
				out.Items = append(out.Items, *dir.DeepCopy())
			}
		}
	}
	list.SetResourceVersion(strconv.Itoa(max(1, s.version)))
	return nil
}
