// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// errWatchEnded is why a Wait fails although its context lives.
var errWatchEnded = errors.New("the watch of RoleBindings has ended")

// Bindings follows who is a user of a RoleBinding in one namespace, by a watch, to tell when that changed.
type Bindings struct {
	mu      sync.Mutex
	byName  map[string][]string
	changes map[string]change
	// news is closed and replaced at every event.
	news  chan struct{}
	ended bool
}

// change is the last change of one user.
type change struct {
	bound bool
	at    time.Time
}

// WatchBindings begins to follow the RoleBindings of a namespace until ctx ends.
func (s *Stack) WatchBindings(ctx context.Context, namespace string) (*Bindings, error) {
	events, err := s.Client.Watch(ctx, &rbacv1.RoleBindingList{}, client.InNamespace(namespace))
	if err != nil {
		return nil, fmt.Errorf("watch RoleBindings: %w", err)
	}
	b := &Bindings{byName: map[string][]string{}, changes: map[string]change{}, news: make(chan struct{})}
	go b.follow(ctx, events)
	return b, nil
}

// Wait waits until the user is, or is not, bound, and returns when that was seen: the zero time if it never was otherwise.
func (b *Bindings) Wait(ctx context.Context, userName string, bound bool) (time.Time, error) {
	for {
		last, news, ended := b.look(userName)
		if last.bound == bound {
			return last.at, nil
		}
		if ended {
			return time.Time{}, errWatchEnded
		}
		select {
		case <-news:
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("wait until bound is %t in a RoleBinding: %w", bound, ctx.Err())
		}
	}
}

func (b *Bindings) look(userName string) (last change, news <-chan struct{}, ended bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changes[userName], b.news, b.ended
}

func (b *Bindings) follow(ctx context.Context, events watch.Interface) {
	defer events.Stop()
	for {
		select {
		case event, open := <-events.ResultChan():
			b.take(event, !open)
			if !open {
				return
			}
		case <-ctx.Done():
			b.take(watch.Event{}, true)
			return
		}
	}
}

func (b *Bindings) take(event watch.Event, ended bool) {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if binding, ok := event.Object.(*rbacv1.RoleBinding); ok {
		before := b.byName[binding.Name]
		b.byName[binding.Name] = nil
		if event.Type != watch.Deleted {
			b.byName[binding.Name] = usersOf(binding)
		}
		for _, user := range append(before, b.byName[binding.Name]...) {
			if bound := b.bound(user); bound != b.changes[user].bound {
				b.changes[user] = change{bound: bound, at: now}
			}
		}
	}
	b.ended = ended
	close(b.news)
	b.news = make(chan struct{})
}

func (b *Bindings) bound(user string) bool {
	for _, users := range b.byName {
		if slices.Contains(users, user) {
			return true
		}
	}
	return false
}

func usersOf(binding *rbacv1.RoleBinding) []string {
	var users []string
	for _, subject := range binding.Subjects {
		if subject.Kind == rbacv1.UserKind {
			users = append(users, subject.Name)
		}
	}
	return users
}

// BoundUsers lists the users of all RoleBindings of a namespace from the API server, once for each binding.
func (s *Stack) BoundUsers(ctx context.Context, namespace string) ([]string, error) {
	var bindings rbacv1.RoleBindingList
	if err := s.Client.List(ctx, &bindings, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list RoleBindings: %w", err)
	}
	var users []string
	for i := range bindings.Items {
		users = append(users, usersOf(&bindings.Items[i])...)
	}
	return users, nil
}
