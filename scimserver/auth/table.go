// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// A revocation reaches every server within maxAge, whatever happens to its watch or to the API server: what nothing has confirmed for
// that long is not believed any more. A list that has no answer after listInterval is not waited for, and not given up either: the
// connection may be dead or the API server slow, so the next one goes beside it.
const (
	maxAge        = 5 * time.Second
	listInterval  = 2 * time.Second
	retryInterval = 500 * time.Millisecond
	// restoredAfter is how long lists must be older than what is known until nothing but restored data explains it.
	restoredAfter = 30 * time.Second
)

// ErrRestored says that the API server has gone back to what it was before, as it does when a backup of etcd is restored. What is known here may never
// have been, so the process has to begin anew.
var ErrRestored = errors.New("the API server has older data than before: was a backup restored? Starting anew")

// Table is every credential that opens a directory, and the directories. A watch tells it of changes at once, and lists confirm
// it every two seconds: a watch that hangs looks like one that has nothing to tell. It is safe for concurrent use, and
// nothing that is asked of it asks the API server.
type Table struct {
	namespaces []string
	now        func() time.Time

	mu          sync.RWMutex
	tokens      *mirror[*v1alpha1.ScimToken]
	directories *mirror[*v1alpha1.ScimDirectory]
	byKeyID     map[string][]*credential // the lists are replaced, never changed
	confirmed   map[string]time.Time     // by namespace as listed
	oldSince    map[string]time.Time     // since when lists have been older than what is known, by namespace as listed
	news        chan struct{}            // closed, and replaced, when anything has been confirmed
}

// NewTable returns an empty Table of these namespaces; cache.AllNamespaces alone is all. now is time.Now outside of tests.
func NewTable(namespaces []string, now func() time.Time) *Table {
	t := &Table{
		namespaces: namespaces, now: now, news: make(chan struct{}),
		byKeyID: map[string][]*credential{}, confirmed: map[string]time.Time{}, oldSince: map[string]time.Time{},
	}
	t.tokens = newMirror(t.reindex)
	t.directories = newMirror(func(_, _ *v1alpha1.ScimDirectory) {})
	return t
}

// reindex takes the credentials of a ScimToken that has changed, or has come, or is gone. t.mu is held.
func (t *Table) reindex(old, next *v1alpha1.ScimToken) {
	if old != nil {
		for _, c := range credentialsOf(old) {
			rest := slices.DeleteFunc(slices.Clone(t.byKeyID[c.keyID]), func(other *credential) bool { return other.owner == old })
			if t.byKeyID[c.keyID] = rest; len(rest) == 0 {
				delete(t.byKeyID, c.keyID)
			}
		}
	}
	if next != nil {
		for _, c := range credentialsOf(next) {
			all := append(slices.Clone(t.byKeyID[c.keyID]), c)
			slices.SortFunc(all, compareOwners) // the same choice on every replica
			t.byKeyID[c.keyID] = all
		}
	}
}

func compareOwners(a, b *credential) int {
	return cmp.Or(cmp.Compare(a.owner.Namespace, b.owner.Namespace), cmp.Compare(a.owner.Name, b.owner.Name))
}

// credentials are those with that key id. They have not been compared with anything yet.
func (t *Table) credentials(keyID string) []*credential {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byKeyID[keyID]
}

// directory returns a directory, which is shared and not to be changed, or nil.
func (t *Table) directory(key client.ObjectKey) *v1alpha1.ScimDirectory {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.directories.get(key)
}

// confirms says whether what the table has of a namespace still counts.
func (t *Table) confirms(namespace string) bool {
	confirmed, _ := t.look(namespace)
	return confirmed
}

// look says also what is closed when that may have changed for the better.
func (t *Table) look(namespace string) (confirmed bool, news <-chan struct{}) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.fresh(namespace) || t.fresh(cache.AllNamespaces), t.news
}

// wait returns once the table counts in a namespace, with true, or when ctx ends.
func (t *Table) wait(ctx context.Context, namespace string) bool {
	for {
		confirmed, news := t.look(namespace)
		if confirmed {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-news:
		}
	}
}

// Confirmed says whether all of the table still counts.
func (t *Table) Confirmed() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return !slices.ContainsFunc(t.namespaces, func(namespace string) bool { return !t.fresh(namespace) })
}

func (t *Table) fresh(namespace string) bool {
	begun, ok := t.confirmed[namespace]
	return ok && t.now().Sub(begun) < maxAge
}

// Watch has informers tell the table. It does not wait for them.
func (t *Table) Watch(ctx context.Context, informers cache.Informers) error {
	if err := watch(ctx, t, t.tokens, informers, &v1alpha1.ScimToken{}); err != nil {
		return err
	}
	return watch(ctx, t, t.directories, informers, &v1alpha1.ScimDirectory{})
}

func watch[T client.Object](ctx context.Context, t *Table, into *mirror[T], informers cache.Informers, kind T) error {
	informer, err := informers.GetInformer(ctx, kind, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watch %T: %w", kind, err)
	}
	tell := func(take func(T), obj any) {
		if last, ok := obj.(toolscache.DeletedFinalStateUnknown); ok {
			obj = last.Obj
		}
		if typed, ok := obj.(T); ok {
			t.mu.Lock()
			defer t.mu.Unlock()
			take(typed)
		}
	}
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { tell(into.put, obj) },
		UpdateFunc: func(_, obj any) { tell(into.put, obj) },
		DeleteFunc: func(obj any) { tell(into.remove, obj) },
	})
	if err != nil {
		return fmt.Errorf("watch %T: %w", kind, err)
	}
	return nil
}

// Run lists all namespaces over and over until ctx ends, and returns nil then, or ErrRestored. live must not be a cache, and should not share its
// connections with what may block them. When a namespace is not confirmed any more and when it is again there is a line in the log.
func (t *Table) Run(ctx context.Context, live client.Reader, log *slog.Logger) error {
	all, ctx := errgroup.WithContext(ctx)
	for _, namespace := range t.namespaces {
		all.Go(func() error { return t.follow(ctx, live, namespace, log.With("namespace", namespace)) })
	}
	return all.Wait()
}

func (t *Table) follow(ctx context.Context, live client.Reader, namespace string, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	confirmed := true
	for ctx.Err() == nil {
		answer := make(chan error, 1)
		asking.Go(func() { answer <- t.Refresh(ctx, live, namespace) })
		pause, err := await(ctx, answer)
		switch {
		case ctx.Err() != nil:
			return nil
		case confirmed && !t.confirms(namespace):
			log.Error("Cannot confirm who may speak: nobody is let in", "error", err)
		case !confirmed && t.confirms(namespace):
			log.Info("Can confirm again who may speak")
		}
		confirmed = t.confirms(namespace)
		if t.restored(namespace) {
			return ErrRestored
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}

// restored says whether the lists of a namespace have been older than what is known for so long that it will never be confirmed.
func (t *Table) restored(namespace string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	since, ok := t.oldSince[namespace]
	return ok && t.now().Sub(since) >= restoredAfter
}

var errSlow = errors.New("the API server has not answered yet")

// await returns what came of a list, and how long to wait until the next.
func await(ctx context.Context, answer <-chan error) (pause time.Duration, err error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(listInterval):
		return 0, errSlow
	case err := <-answer:
		if err != nil {
			return retryInterval, err
		}
		return listInterval, nil
	}
}

// Refresh lists one namespace and confirms what the table has of it, as of now. It returns once that would not help any more.
func (t *Table) Refresh(ctx context.Context, live client.Reader, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, maxAge)
	defer cancel()
	begun := t.now() // what the API server answers is at least as new as the question
	var tokens v1alpha1.ScimTokenList
	var directories v1alpha1.ScimDirectoryList
	lists, ctx := errgroup.WithContext(ctx)
	lists.Go(func() error { return named("ScimTokens", live.List(ctx, &tokens, client.InNamespace(namespace))) })
	lists.Go(func() error {
		return named("ScimDirectories", live.List(ctx, &directories, client.InNamespace(namespace)))
	})
	if err := lists.Wait(); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	err := errors.Join(
		named("ScimTokens", t.tokens.replace(namespace, tokens.ResourceVersion, apart(tokens.Items))),
		named("ScimDirectories", t.directories.replace(namespace, directories.ResourceVersion, apart(directories.Items))),
	)
	if err != nil {
		if t.oldSince[namespace].IsZero() {
			t.oldSince[namespace] = t.now()
		}
		return err
	}
	t.confirm(namespace, begun)
	return nil
}

// confirm notes that what is known of a namespace was so after begun. t.mu is held.
func (t *Table) confirm(namespace string, begun time.Time) {
	delete(t.oldSince, namespace)
	if begun.After(t.confirmed[namespace]) {
		t.confirmed[namespace] = begun
		close(t.news)
		t.news = make(chan struct{})
	}
}

// named says what could not be listed.
func named(kinds string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("list %s: %w", kinds, err)
}

// apart copies the items of a list, so that keeping one does not keep all.
func apart[T any](items []T) []*T {
	out := make([]*T, 0, len(items))
	for _, item := range items {
		out = append(out, &item)
	}
	return out
}
