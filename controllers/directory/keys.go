// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

const (
	// refreshKeys is how long keys are not asked for again. With the jitter, a new key is known, and one that was taken back unknown, within a
	// minute and the time that the issuer takes.
	refreshKeys = 50 * time.Second
	// retryKeys is the same after a failure.
	retryKeys = 15 * time.Second
	// keysJitter is the part of that by which it may grow, so that not all directories ask at once.
	keysJitter = 0.2
	// keysWorkers is how many issuers may be asked at a time: one that does not answer holds a worker for some seconds.
	keysWorkers = 16
	// soon is when to look again after somebody else was faster to write.
	soon = 100 * time.Millisecond
)

// Keys publishes the public keys of the issuers of JSON Web Tokens in the status of ScimDirectories, so that scim-server needs no network.
type Keys struct {
	// Client reads from the cache.
	Client client.Client
	// Dial connects to issuers; it decides which addresses are allowed. Nil means egress.Policy's zero value.
	Dial outbound.DialFunc
	// Clock tells the time.
	Clock clock.PassiveClock

	known memories
}

// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimdirectories,verbs=get;list;watch
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimdirectories/status,verbs=patch

// SetupWithManager registers the reconciler.
func (k *Keys) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).Named("directorykeys").
		Watches(&v1alpha1.ScimDirectory{}, enqueue.Events{Keys: enqueue.Self, Changed: spokenTo, Prompt: true}).
		WithOptions(controller.Options{MaxConcurrentReconciles: keysWorkers}).
		Complete(k)
}

// Reconcile fetches the keys of one directory and writes them if they changed.
func (k *Keys) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	dir := &v1alpha1.ScimDirectory{}
	if err := k.Client.Get(ctx, req.NamespacedName, dir); err != nil {
		k.known.forget(req.NamespacedName)
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !dir.DeletionTimestamp.IsZero() || dir.Spec.Authentication.JWT == nil {
		k.known.forget(req.NamespacedName)
	}
	if !dir.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	before, again := dir.DeepCopy(), time.Duration(0)
	if dir.Spec.Authentication.JWT == nil {
		withoutJWT(dir)
	} else {
		again = k.refresh(ctx, req.NamespacedName, dir)
	}
	if err := ctx.Err(); err != nil { // we are told to end: that is no failure of the issuer
		return reconcile.Result{}, err
	}
	err := status.PatchLocked(ctx, k.Client, before, dir)
	if apierrors.IsConflict(err) {
		return reconcile.Result{RequeueAfter: soon}, nil
	}
	return reconcile.Result{RequeueAfter: again}, err
}

// refresh asks the issuer, changes the status of dir accordingly and returns when to ask again.
func (k *Keys) refresh(ctx context.Context, name types.NamespacedName, dir *v1alpha1.ScimDirectory) time.Duration {
	found, err := k.fetch(ctx, dir, k.known.of(name, dir))
	if err != nil {
		k.known.forget(name)
		unfetched(dir, err, k.Clock.Now())
		return wait.Jitter(retryKeys, keysJitter)
	}
	k.known.remember(name, found)
	fetched(dir, found, k.Clock.Now())
	return wait.Jitter(refreshKeys, keysJitter)
}

// memory is what was found out about the issuer of a directory.
type memory struct {
	// uid and generation are of the directory that it is for.
	uid        types.UID
	generation int64
	// jwksURL is where the keys are, and discovered when the issuer said so.
	jwksURL    string
	discovered time.Time
	// etag is that of the keys, empty if there is none; left is how many more keys there were.
	etag string
	keys []v1alpha1.PublicKey
	left int
}

// memories are kept between two fetches. Without them, everything is asked for again.
type memories struct {
	mu     sync.Mutex
	byName map[types.NamespacedName]memory
}

// of returns what is known for the directory as it is; the zero memory if nothing is.
func (m *memories) of(name types.NamespacedName, dir *v1alpha1.ScimDirectory) memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.byName[name]
	if known.uid != dir.UID || known.generation != dir.Generation {
		return memory{uid: dir.UID, generation: dir.Generation}
	}
	return known
}

func (m *memories) remember(name types.NamespacedName, found memory) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byName == nil {
		m.byName = map[types.NamespacedName]memory{}
	}
	m.byName[name] = found
}

func (m *memories) forget(name types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.byName, name)
}
