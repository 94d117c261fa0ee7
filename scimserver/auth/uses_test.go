// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// recorder is a live client that counts what is asked of it and can be made to fail.
type recorder struct {
	client.WithWatch
	creates, gets, updates atomic.Int64
	fails                  atomic.Bool
}

func (r *recorder) count(into *atomic.Int64) error {
	into.Add(1)
	if r.fails.Load() {
		return errors.New("forbidden")
	}
	return nil
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	r.WithWatch = interceptor.NewClient(fake.NewClientBuilder().WithScheme(scheme).Build(), interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			if err := r.count(&r.creates); err != nil {
				return err
			}
			return c.Create(ctx, obj, opts...)
		},
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			if err := r.count(&r.gets); err != nil {
				return err
			}
			return c.Get(ctx, key, obj, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
			if err := r.count(&r.updates); err != nil {
				return err
			}
			return c.Update(ctx, obj, opts...)
		},
	})
	return r
}

// replica is a Uses that runs in the bubble of t until it is over.
func replica(t *testing.T, live client.Client) *Uses {
	t.Helper()
	u, done := NewUses(live), make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		defer close(done)
		u.Run(ctx, slog.New(slog.NewTextHandler(io.Discard, nil)))
	}()
	t.Cleanup(func() { stop(); <-done })
	return u
}

func useNow(keyID string) Use {
	return Use{Namespace: "team-a", Token: "okta", UID: "uid", KeyID: keyID, At: time.Now()}
}

func stored(t *testing.T, live client.Client, keyID string) *v1alpha1.ScimTokenUse {
	t.Helper()
	var out v1alpha1.ScimTokenUse
	if err := live.Get(t.Context(), client.ObjectKey{Namespace: "team-a", Name: v1alpha1.TokenUseName(keyID)}, &out); err != nil {
		t.Fatal(err)
	}
	return &out
}

// TestFirstUseIsWrittenAtOnce: a rotation waits for it.
func TestFirstUseIsWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live := newRecorder(t)
		u := replica(t, live)
		u.Add(useNow("Ab3dEf6h"))
		synctest.Wait()
		got := stored(t, live, "Ab3dEf6h")
		want := v1alpha1.ScimTokenUseSpec{TokenRef: v1alpha1.LocalReference{Name: "okta"}, KeyID: "Ab3dEf6h", LastUsedAt: metav1.NewTime(time.Now())}
		if diff := cmp.Diff(want.LastUsedAt.Unix(), got.Spec.LastUsedAt.Unix()); diff != "" || got.Spec.TokenRef != want.TokenRef || got.Spec.KeyID != want.KeyID {
			t.Errorf("got %+v", got.Spec)
		}
		owner := []metav1.OwnerReference{{APIVersion: "scim-operator.dev/v1alpha1", Kind: "ScimToken", Name: "okta", UID: "uid"}}
		if diff := cmp.Diff(owner, got.OwnerReferences); diff != "" {
			t.Errorf("owner, who does not have to wait (-want +got):\n%s", diff)
		}
	})
}

// TestUsesAreWrittenSeldom: 25 requests a second for 10 minutes are at most 3 writes, over all replicas (TOK-06).
func TestUsesAreWrittenSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live := newRecorder(t)
		replicas := []*Uses{replica(t, live), replica(t, live), replica(t, live)}
		for range 25 * 60 * 10 {
			for _, u := range replicas {
				u.Add(useNow("Ab3dEf6h"))
			}
			<-time.After(time.Second / 25)
		}
		synctest.Wait()
		if writes := 1 + live.updates.Load(); writes > 3 || live.updates.Load() == 0 {
			t.Errorf("%d writes", writes)
		}
		if live.creates.Load()+live.gets.Load() > 3*4 {
			t.Errorf("%d requests", live.creates.Load()+live.gets.Load())
		}
		if age := time.Since(stored(t, live, "Ab3dEf6h").Spec.LastUsedAt.Time); age > useInterval*5/4 {
			t.Errorf("what is written is %v old", age)
		}
	})
}

// TestUseThatIsKnown: what the ScimToken says already is not asked for.
func TestUseThatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live := newRecorder(t)
		u := replica(t, live)
		known := time.Now()
		for range 299 {
			use := useNow("Ab3dEf6h")
			use.LastUsedAt = known
			u.Add(use)
			<-time.After(time.Second)
		}
		if live.creates.Load()+live.gets.Load()+live.updates.Load() != 0 {
			t.Errorf("%d creates, %d gets, %d updates", live.creates.Load(), live.gets.Load(), live.updates.Load())
		}
		<-time.After(time.Minute)
		u.Add(useNow("Ab3dEf6h"))
		synctest.Wait()
		if live.creates.Load() != 1 {
			t.Errorf("%d creates once it is old", live.creates.Load())
		}
	})
}

// TestUseThatCannotBeWritten is tried again soon, and not at every request.
func TestUseThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live := newRecorder(t)
		u := replica(t, live)
		live.fails.Store(true)
		for range 1000 {
			u.Add(useNow("Ab3dEf6h"))
			<-time.After(10 * time.Millisecond)
		}
		if live.creates.Load() > 2 {
			t.Errorf("%d tries in 10 s", live.creates.Load())
		}
		live.fails.Store(false)
		<-time.After(useRetry)
		u.Add(useNow("Ab3dEf6h"))
		synctest.Wait()
		stored(t, live, "Ab3dEf6h")
	})
}

// TestUseOfAnother: one credential in two ScimTokens has one ScimTokenUse, that of the first.
func TestUseOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live := newRecorder(t)
		u := replica(t, live)
		u.Add(useNow("x-0123456789ab"))
		<-time.After(2 * useInterval)
		other := useNow("x-0123456789ab")
		other.Token = "other"
		u.Add(other)
		synctest.Wait()
		if got := stored(t, live, "x-0123456789ab"); got.Spec.TokenRef.Name != "okta" || live.updates.Load() != 0 {
			t.Errorf("got %+v after %d updates", got.Spec, live.updates.Load())
		}
	})
}

// TestUsesAreBounded: neither credentials that are never seen again nor an API server that hangs fill the memory, and nobody waits.
func TestUsesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := NewUses(newRecorder(t)) // nothing runs
		for i := range 2 * useQueue {
			u.Add(useNow(strconv.Itoa(i)))
		}
		if len(u.queue) != useQueue || len(u.due) != useQueue {
			t.Errorf("%d wait, %d are due", len(u.queue), len(u.due))
		}
		<-time.After(2 * useInterval)
		u.settle(useNow("new"), nil)
		if len(u.due) != 0 {
			t.Errorf("%d entries that say nothing", len(u.due))
		}
	})
}
