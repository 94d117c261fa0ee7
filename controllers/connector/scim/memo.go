// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"context"
	"fmt"
	"time"
)

// memo keeps what was loaded for some time. One caller loads and the others wait for it; an error is not kept.
type memo[T any] struct {
	ttl time.Duration
	// slot has the value in it; who takes it out may use or replace it.
	slot chan *kept[T]
}

type kept[T any] struct {
	value T
	until time.Time
}

func newMemo[T any](ttl time.Duration) memo[T] {
	m := memo[T]{ttl: ttl, slot: make(chan *kept[T], 1)}
	m.slot <- nil
	return m
}

func (m memo[T]) get(ctx context.Context, load func(context.Context) (T, error)) (T, error) {
	var zero T
	if ctx.Err() != nil {
		return zero, fmt.Errorf("wait: %w", ctx.Err())
	}
	select {
	case current := <-m.slot:
		defer func() { m.slot <- current }()
		if current != nil && time.Now().Before(current.until) {
			return current.value, nil
		}
		value, err := load(ctx)
		if err != nil {
			return zero, err
		}
		current = &kept[T]{value: value, until: time.Now().Add(m.ttl)}
		return value, nil
	case <-ctx.Done():
		return zero, fmt.Errorf("wait: %w", ctx.Err())
	}
}

// forget makes the next get load again.
func (m memo[T]) forget() {
	<-m.slot
	m.slot <- nil
}

// hold waits until nobody else holds the lock, which is a channel of one.
func hold(ctx context.Context, lock chan struct{}) (release func(), err error) {
	if ctx.Err() == nil {
		select {
		case lock <- struct{}{}:
			return func() { <-lock }, nil
		case <-ctx.Done():
		}
	}
	return nil, fmt.Errorf("wait: %w", ctx.Err())
}
