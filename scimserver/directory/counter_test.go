// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// moved is a group whose counter is there.
func moved(revision int64) client.Object {
	o := &v1alpha1.ScimGroup{}
	o.Spec.MembersRevision = revision
	return o
}

// TestTurnsAreShared: those who come while a counter is being moved have it moved together, and nobody is told of a counter that has
// not reached what they want.
func TestTurnsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var moves []int64
		var shared turns
		move := func(revision int64) (client.Object, error) {
			moves = append(moves, revision) // one at a time: the race detector sees it otherwise
			<-time.After(time.Second)       // on the clock of the bubble
			return moved(revision), nil
		}
		key := client.ObjectKey{Namespace: "n", Name: "g"}
		var all sync.WaitGroup
		for i := int64(1); i <= 20; i++ {
			all.Go(func() {
				<-time.After(time.Duration(i) * 99 * time.Millisecond)
				o, err := shared.take(t.Context(), key, i, move)
				if err != nil || o.(*v1alpha1.ScimGroup).Spec.MembersRevision < i {
					t.Errorf("turn of %d: %v, %v", i, o, err)
				}
			})
		}
		all.Wait()
		if want := []int64{1, 11, 20}; !slices.Equal(moves, want) {
			t.Errorf("moved to %v, want %v", moves, want)
		}
		if len(shared.moving)+len(shared.next) > 0 {
			t.Errorf("left behind: %v %v", shared.moving, shared.next)
		}
	})
}

// TestTurnOfAFailedLeader: what ends the request of the one who leads does not end those of the others.
func TestTurnOfAFailedLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shared turns
		key := client.ObjectKey{Name: "g"}
		block := make(chan struct{})
		go func() {
			_, _ = shared.take(t.Context(), key, 1, func(int64) (client.Object, error) { <-block; return moved(1), nil })
		}()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		led, followed := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := shared.take(ctx, key, 2, func(int64) (client.Object, error) { return nil, ctx.Err() })
			led <- err
		}()
		synctest.Wait()
		go func() {
			o, err := shared.take(t.Context(), key, 3, func(revision int64) (client.Object, error) { return moved(revision), nil })
			if err == nil && o.(*v1alpha1.ScimGroup).Spec.MembersRevision != 3 {
				err = errors.New("the counter is at " + strconv.FormatInt(o.(*v1alpha1.ScimGroup).Spec.MembersRevision, 10))
			}
			followed <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-led; !errors.Is(err, context.Canceled) {
			t.Errorf("the leader got %v", err)
		}
		if err := <-followed; err != nil {
			t.Errorf("who followed got %v", err)
		}
		close(block)
		synctest.Wait()
	})
}
