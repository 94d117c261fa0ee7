// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimtokenuses,verbs=create;get;update

const (
	// useInterval is how often a use of one credential is written, over all replicas.
	useInterval = 5 * time.Minute
	// useJitter is the part of it that is added at random.
	useJitter = 0.1
	// useRetry is when a use that could not be written is worth another try.
	useRetry = 10 * time.Second
	// useTimeout bounds what one use costs.
	useTimeout = 5 * time.Second
	// useQueue bounds the uses that wait to be written. What does not fit is seen again at the next use.
	useQueue = 256
)

// Uses records when credentials were last used, as ScimTokenUses. The first use of a credential is written at once, since a rotation
// waits for it; after that one in five minutes. It is safe for concurrent use.
type Uses struct {
	live  client.Client
	queue chan Use

	mu sync.Mutex
	// due is when a use is of interest again. An entry whose time has come says as much as none, so they are dropped.
	due map[string]time.Time
}

// NewUses returns an empty Uses. live must not read from a cache.
func NewUses(live client.Client) *Uses {
	return &Uses{live: live, queue: make(chan Use, useQueue), due: map[string]time.Time{}}
}

// id is the credential of a use.
func (u Use) id() string { return u.Namespace + "/" + u.Token + "/" + u.KeyID }

// Add notes a use, to be written by Run if it is of interest. It never waits for anything but a short lock.
func (u *Uses) Add(use Use) {
	id := use.id()
	u.mu.Lock()
	defer u.mu.Unlock()
	if use.At.Before(u.due[id]) {
		return
	}
	if use.At.Before(use.LastUsedAt.Add(useInterval)) { // a replica has written it
		u.due[id] = later(use.LastUsedAt)
		return
	}
	select {
	case u.queue <- use:
		u.due[id] = later(use.At)
	default:
	}
}

// later is when a use after that at t is of interest, not on all replicas at the same time.
func later(t time.Time) time.Time { return t.Add(wait.Jitter(useInterval, useJitter)) }

// Run writes uses until ctx ends. What is noted then is lost, which costs five minutes of accuracy.
func (u *Uses) Run(ctx context.Context, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case use := <-u.queue:
			err := u.write(ctx, use)
			if err != nil && ctx.Err() == nil {
				log.Warn("Could not record the use of a credential", "namespace", use.Namespace, "token", use.Token, "tokenKeyID", use.KeyID, "error", err)
			}
			u.settle(use, err)
		}
	}
}

// settle forgets what is due anyway, and has a use that could not be written noted again soon.
func (u *Uses) settle(use Use, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	maps.DeleteFunc(u.due, func(_ string, due time.Time) bool { return !use.At.Before(due) })
	if err != nil {
		u.due[use.id()] = use.At.Add(useRetry)
	}
}

// write creates the ScimTokenUse, or updates it unless another replica has done so lately. Who is in the way has just done what
// was to be done.
func (u *Uses) write(ctx context.Context, use Use) error {
	ctx, cancel := context.WithTimeout(ctx, useTimeout)
	defer cancel()
	wanted := useObject(use)
	err := u.live.Create(ctx, wanted)
	if err == nil || !apierrors.IsAlreadyExists(err) {
		return err
	}
	var stored v1alpha1.ScimTokenUse
	if err := u.live.Get(ctx, client.ObjectKeyFromObject(wanted), &stored); err != nil {
		return fmt.Errorf("get ScimTokenUse: %w", err)
	}
	if !outdated(&stored, use) {
		return nil
	}
	stored.Spec.LastUsedAt = wanted.Spec.LastUsedAt
	stored.OwnerReferences = wanted.OwnerReferences // another uid, where a backup was restored
	if err := u.live.Update(ctx, &stored); err != nil && !apierrors.IsConflict(err) {
		return fmt.Errorf("update ScimTokenUse: %w", err)
	}
	return nil
}

// outdated says whether stored is of the same credential and says nothing of the last five minutes.
func outdated(stored *v1alpha1.ScimTokenUse, use Use) bool {
	return stored.Spec.TokenRef.Name == use.Token && stored.Spec.LastUsedAt.Add(useInterval).Before(use.At)
}

// useObject goes away with its ScimToken. Whoever deletes that does not have to wait for it.
func useObject(use Use) *v1alpha1.ScimTokenUse {
	return &v1alpha1.ScimTokenUse{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: use.Namespace, Name: v1alpha1.TokenUseName(use.KeyID),
			Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1alpha1.GroupVersion.String(), Kind: "ScimToken", Name: use.Token, UID: types.UID(use.UID),
			}},
		},
		Spec: v1alpha1.ScimTokenUseSpec{
			TokenRef: v1alpha1.LocalReference{Name: use.Token}, KeyID: use.KeyID, LastUsedAt: metav1.NewTime(use.At.UTC().Truncate(time.Second)),
		},
	}
}
