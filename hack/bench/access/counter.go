// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// counts are the bindings that came and went.
type counts struct {
	added, removed int
	// addedAtRemoval is how many had come when the first one went.
	addedAtRemoval int
}

// counter counts bindings by watches, which tell of everything in its order.
type counter struct {
	mu     sync.Mutex
	counts counts
	ended  bool
	// news is closed and replaced at every event.
	news chan struct{}
}

// count begins to count what comes and goes in those namespaces from now on.
func (b *bench) count(ctx context.Context, namespaces ...string) (*counter, error) {
	c := &counter{news: make(chan struct{})}
	for _, namespace := range namespaces {
		var now rbacv1.RoleBindingList
		if err := b.Client.List(ctx, &now, client.InNamespace(namespace), client.Limit(1)); err != nil {
			return nil, err
		}
		from := &client.ListOptions{Namespace: namespace, Raw: &metav1.ListOptions{ResourceVersion: now.ResourceVersion}}
		events, err := b.Client.Watch(ctx, &rbacv1.RoleBindingList{}, from)
		if err != nil {
			return nil, fmt.Errorf("watch RoleBindings: %w", err)
		}
		go func() {
			for event := range events.ResultChan() {
				c.take(event)
			}
			c.take(watch.Event{Type: watch.Error})
		}()
	}
	return c, nil
}

func (c *counter) take(event watch.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch event.Type {
	case watch.Added:
		c.counts.added++
	case watch.Deleted:
		if c.counts.removed++; c.counts.removed == 1 {
			c.counts.addedAtRemoval = c.counts.added
		}
	case watch.Error:
		c.ended = true
	default:
	}
	close(c.news)
	c.news = make(chan struct{})
}

func (c *counter) now() counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts
}

// wait waits until enough came or went.
func (c *counter) wait(ctx context.Context, enough func(counts) bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		c.mu.Lock()
		done, ended, news := enough(c.counts), c.ended, c.news
		c.mu.Unlock()
		switch {
		case done:
			return nil
		case ended:
			return errors.New("a watch of RoleBindings has ended")
		}
		select {
		case <-news:
		case <-ctx.Done():
			return fmt.Errorf("%+v came and went: %w", c.now(), ctx.Err())
		}
	}
}
