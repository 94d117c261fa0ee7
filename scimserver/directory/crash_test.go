// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

var errCrash = errors.New("crash")

// fault decides about one write: do it or not, and tell the caller or not. What is not told looks to the caller like the
// end of its process: nothing more gets through.
type fault func() (skip, silence bool)

// faulty is a client whose writes go through f. Once a write was silenced, everything fails.
func faulty(c client.WithWatch, f fault) client.Client {
	var dead atomic.Bool
	write := func(do func() error) error {
		if dead.Load() {
			return errCrash
		}
		skip, silence := f()
		if skip {
			dead.Store(true)
			return errCrash
		}
		err := do()
		if silence {
			dead.Store(true)
			return errCrash
		}
		return err
	}
	return interceptor.NewClient(c, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if dead.Load() {
				return errCrash
			}
			return c.Get(ctx, key, o, opts...)
		},
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			return write(func() error { return c.Create(ctx, o, opts...) })
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			return write(func() error { return c.Update(ctx, o, opts...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			return write(func() error { return c.Delete(ctx, o, opts...) })
		},
	})
}

// at lets the writes before the n-th pass and crashes before or right after the n-th.
func at(n int32, after bool) (fault, *atomic.Int32) {
	var count atomic.Int32
	return func() (skip, silence bool) {
		hit := count.Add(1) == n
		return hit && !after, hit && after
	}, &count
}

// crashes calls run for every write that an operation makes, with a store that crashes just before and just after it.
func crashes(t *testing.T, run func(t *testing.T, broken, healthy *Store, dir Directory) (crashed bool)) {
	t.Helper()
	c := admin(t, 0)
	for _, after := range []bool{false, true} {
		for n := int32(1); ; n++ {
			f, _ := at(n, after)
			crashed := true
			t.Run(fmt.Sprintf("write %d after=%v", n, after), func(t *testing.T) {
				dir := inNamespace(t, c)
				crashed = run(t, newUsers(t, faulty(c, f), c), newUsers(t, c, c), dir)
				look(t, c, dir.Namespace).check(t)
			})
			if !crashed {
				break
			}
			if n > 20 {
				t.Fatal("the operation never ends")
			}
		}
	}
}

func TestCrashWhileCreating(t *testing.T) {
	crashes(t, func(t *testing.T, broken, healthy *Store, dir Directory) bool {
		_, err := broken.Create(t.Context(), dir, named("Ada"))
		crashed := err != nil
		if crashed {
			wantStatus(t, "crashed Create", err, http.StatusServiceUnavailable)
		}
		_, err = healthy.Create(t.Context(), dir, named("ada"))
		if got := statusOf(err); got != http.StatusOK && got != http.StatusConflict {
			t.Errorf("Create after the crash = %v: the name must not be lost", err)
		}
		page, err := healthy.List(t.Context(), dir, filter(t, healthy, `userName eq "ADA"`))
		if err != nil || page.Total != 1 {
			t.Errorf("the user is found %d times (%v), want once", page.Total, err)
		}
		return crashed
	})
}

func TestCrashWhileRenaming(t *testing.T) {
	for next, try := range map[string]func(t *testing.T, s *Store, dir Directory, id string){
		"renamed again": func(t *testing.T, s *Store, dir Directory, id string) {
			_, err := s.Modify(t.Context(), dir, id, Precondition{}, rename("new"))
			wantStatus(t, "rename after the crash", err, http.StatusOK)
			_, err = s.Create(t.Context(), dir, named("old"))
			wantStatus(t, "Create of the old name", err, http.StatusOK)
		},
		"new name wanted by another": func(t *testing.T, s *Store, dir Directory, id string) {
			is, err := s.Get(t.Context(), dir, id)
			wantStatus(t, "Get", err, http.StatusOK)
			want := http.StatusOK
			if is.Resource["userName"] == "new" {
				want = http.StatusConflict
			}
			_, err = s.Create(t.Context(), dir, named("new"))
			wantStatus(t, "Create of the new name", err, want)
		},
		"deleted": func(t *testing.T, s *Store, dir Directory, id string) {
			wantStatus(t, "Delete", s.Delete(t.Context(), dir, id, Precondition{}), http.StatusOK)
			for _, name := range []string{"old", "new"} {
				created, err := s.Create(t.Context(), dir, named(name))
				wantStatus(t, "Create of "+name, err, http.StatusOK)
				if created.ID == id {
					t.Errorf("the id of a deleted user was used again for %q", name)
				}
			}
		},
	} {
		t.Run(next, func(t *testing.T) {
			crashes(t, func(t *testing.T, broken, healthy *Store, dir Directory) bool {
				created, err := healthy.Create(t.Context(), dir, named("old"))
				wantStatus(t, "Create", err, http.StatusOK)
				_, err = broken.Modify(t.Context(), dir, created.ID, Precondition{}, rename("new"))
				crashed := err != nil || brokenDown(t, broken, dir)
				try(t, healthy, dir, created.ID)
				return crashed
			})
		})
	}
}

// brokenDown reports whether the crash came after all that the client was told about.
func brokenDown(t *testing.T, s *Store, dir Directory) bool {
	t.Helper()
	_, err := s.Get(t.Context(), dir, "0a3f1c8e-0000-4000-8000-000000000000")
	return statusOf(err) != http.StatusNotFound
}

func TestCrashWhileDeleting(t *testing.T) {
	for name, keep := range map[string]bool{"deleted": false, "kept": true} {
		t.Run(name, func(t *testing.T) { crashWhileDeleting(t, keep) })
	}
}

func crashWhileDeleting(t *testing.T, keep bool) {
	crashes(t, func(t *testing.T, broken, healthy *Store, dir Directory) bool {
		if keep {
			dir = keeping(t, dir)
		}
		created, err := healthy.Create(t.Context(), dir, named("ada"))
		wantStatus(t, "Create", err, http.StatusOK)
		err = broken.Delete(t.Context(), dir, created.ID, Precondition{})
		crashed := err != nil || brokenDown(t, broken, dir)
		if got := statusOf(healthy.Delete(t.Context(), dir, created.ID, Precondition{})); got != http.StatusOK && got != http.StatusNotFound {
			t.Errorf("Delete after the crash = %d", got)
		}
		again, err := healthy.Create(t.Context(), dir, named("ada"))
		wantStatus(t, "Create after the crash", err, http.StatusOK)
		if again.ID == created.ID {
			t.Error("the id of a deleted user was used again")
		}
		return crashed
	})
}

// TestRenameLosesToWhoTookOver lets somebody take over the reservation of a rename that has not written its user yet.
func TestRenameLosesToWhoTookOver(t *testing.T) {
	c := admin(t, 0)
	dir := inNamespace(t, c)
	healthy := newUsers(t, c, admin(t, 1))
	created, err := healthy.Create(t.Context(), dir, named("old"))
	wantStatus(t, "Create", err, http.StatusOK)
	reserved, proceed := make(chan struct{}), make(chan struct{})
	var once sync.Once
	slow := newUsers(t, interceptor.NewClient(c, interceptor.Funcs{
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			if _, isUser := o.(*v1alpha1.ScimUser); isUser {
				once.Do(func() { close(reserved); <-proceed })
			}
			return c.Update(ctx, o, opts...)
		},
	}), c)
	renamed := make(chan error, 1)
	go func() {
		_, err := slow.Modify(t.Context(), dir, created.ID, Precondition{}, rename("new"))
		renamed <- err
	}()
	<-reserved
	_, err = healthy.Create(t.Context(), dir, named("new"))
	wantStatus(t, "Create of the name that the rename waits for", err, http.StatusOK)
	close(proceed)
	wantStatus(t, "rename", <-renamed, http.StatusConflict)
	look(t, c, dir.Namespace).check(t)
}

// TestStorm lets many stores create, rename and delete the same few names while writes fail and their answers are lost.
func TestStorm(t *testing.T) {
	for name, keep := range map[string]bool{"deleted": false, "kept": true} {
		t.Run(name, func(t *testing.T) {
			dir := inNamespace(t, admin(t, 0))
			if keep {
				dir = keeping(t, dir)
			}
			storm(t, dir)
		})
	}
}

func storm(t *testing.T, dir Directory) {
	seed := uint64(time.Now().UnixNano()) //nolint:forbidigo // the seed is printed
	t.Logf("seed %d", seed)
	var all sync.WaitGroup
	for worker := range 12 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(worker)))
			for range 12 {
				var mu sync.Mutex
				s := newUsers(t, faulty(admin(t, worker%2), func() (bool, bool) {
					mu.Lock()
					defer mu.Unlock()
					n := random.IntN(10)
					return n == 0, n == 1
				}), admin(t, worker%2))
				stir(t, s, dir, random)
			}
		})
	}
	all.Wait()
	look(t, admin(t, 0), dir.Namespace).check(t)
	healthy := newUsers(t, admin(t, 0), admin(t, 0))
	for name := range 4 {
		_, err := healthy.Create(t.Context(), dir, named("n"+strconv.Itoa(name)))
		if got := statusOf(err); got != http.StatusOK && got != http.StatusConflict {
			t.Errorf("Create after the storm: %v", err)
		}
	}
	look(t, admin(t, 0), dir.Namespace).check(t)
}

// stir does one random thing; the answers that a client can get are the only ones allowed.
func stir(t *testing.T, s *Store, dir Directory, random *rand.Rand) {
	name := "n" + strconv.Itoa(random.IntN(4))
	page, err := s.List(t.Context(), dir, filter(t, s, `userName eq "`+name+`"`))
	switch {
	case err != nil:
	case len(page.Resources) == 0:
		_, err = s.Create(t.Context(), dir, named(name))
	case random.IntN(2) == 0:
		err = s.Delete(t.Context(), dir, page.Resources[0].ID, Precondition{})
	default:
		_, err = s.Modify(t.Context(), dir, page.Resources[0].ID, Precondition{}, rename("n"+strconv.Itoa(random.IntN(4))))
	}
	switch statusOf(err) {
	case http.StatusOK, http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable:
	default:
		t.Errorf("unexpected answer: %v", err)
	}
}

func filter(t *testing.T, s *Store, text string) scim.ListQuery {
	t.Helper()
	f, err := scim.ParseFilter(s.resource, text)
	if err != nil {
		t.Fatal(err)
	}
	return scim.ListQuery{Filter: &f, StartIndex: 1, Count: 10}
}

// pages lists reservations one by one.
func pages(c client.WithWatch) client.WithWatch {
	return interceptor.NewClient(c, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if _, names := list.(*v1alpha1.ScimNameList); names {
				opts = append(opts, client.Limit(1))
			}
			return c.List(ctx, list, opts...)
		},
	})
}

// TestJanitorStopsHalfway has the API server forget the list that a sweep is in the middle of.
func TestJanitorStopsHalfway(t *testing.T) {
	c := admin(t, 0)
	dir := inNamespace(t, c)
	for i := range 3 {
		name := userKind().newName(dir, strconv.Itoa(i), claimant{id: "0a3f1c8e-0000-4000-8000-000000000000", state: v1alpha1.NameBound})
		if err := c.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	left := math.MaxInt
	j := NewJanitor(interceptor.NewClient(pages(c), interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if left--; left < 0 {
				return apierrors.NewResourceExpired("the list is too old")
			}
			return c.List(ctx, list, opts...)
		},
	}), uncached{c}, modelOf(t, 0), []string{dir.Namespace})
	clk := clocktesting.NewFakePassiveClock(time.Unix(1e9, 0))
	j.clock, j.log = clk, slog.New(slog.DiscardHandler)
	for _, sweep := range []struct {
		reason     string
		pages, has int
	}{
		{"two are seen", 2, 3},
		{"one of them was seen before", 1, 2},
		{"the two that are left were not seen by the sweep before", math.MaxInt, 2},
		{"all are seen again", math.MaxInt, 0},
	} {
		left = sweep.pages
		j.sweepNames(t.Context())
		if has := len(look(t, c, dir.Namespace).names); has != sweep.has {
			t.Errorf("%s: %d reservations are left, want %d", sweep.reason, has, sweep.has)
		}
		clk.SetTime(clk.Now().Add(untouched))
	}
}

func TestJanitor(t *testing.T) {
	c := admin(t, 0)
	dir := inNamespace(t, c)
	clk := clocktesting.NewFakePassiveClock(time.Unix(1e9, 0))
	j := NewJanitor(pages(c), uncached{c}, modelOf(t, 0), []string{dir.Namespace})
	j.clock, j.log = clk, slog.New(slog.DiscardHandler)
	users, groups := newUsers(t, c, c), newGroups(t, c, c)
	alive, err := users.Create(t.Context(), dir, named("alive"))
	wantStatus(t, "Create", err, http.StatusOK)
	group, err := groups.Create(t.Context(), dir, scim.Resource{"displayName": "alive", "members": []any{map[string]any{"value": alive.ID}}}, false)
	wantStatus(t, "Create group", err, http.StatusOK)
	nobody := "0a3f1c8e-0000-4000-8000-000000000000"
	for _, name := range []string{"left", "touched"} {
		if err := c.Create(t.Context(), userKind().newName(dir, name, claimant{id: nobody, state: v1alpha1.NameReserved})); err != nil {
			t.Fatal(err)
		}
	}
	for _, lost := range []*v1alpha1.ScimMemberSlice{
		groups.tree(dir.Namespace, nobody).newSlice(nobody, content{alive.ID: typeUser}),             // its group is gone
		groups.tree(dir.Namespace, group.ID).newSlice(group.ID+"-lost", content{alive.ID: typeUser}), // nothing points at it
	} {
		if err := c.Create(t.Context(), lost); err != nil {
			t.Fatal(err)
		}
	}
	sweep := func(after time.Duration) (names, slices int) {
		clk.SetTime(clk.Now().Add(after))
		j.sweep(t.Context())
		j.sweepNames(t.Context())
		var list v1alpha1.ScimMemberSliceList
		if err := c.List(t.Context(), &list, client.InNamespace(dir.Namespace)); err != nil {
			t.Fatal(err)
		}
		return len(look(t, c, dir.Namespace).names), len(list.Items)
	}
	sweep(0)
	if names, slices := sweep(untouched - time.Second); names != 4 || slices != 3 {
		t.Fatalf("%d names and %d slices before the time is up, want all 4 and 3", names, slices)
	}
	touched := userKind().newName(dir, "touched", claimant{})
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(touched), touched); err != nil {
		t.Fatal(err)
	}
	touched.Spec.Claims++
	if err := c.Update(t.Context(), touched); err != nil {
		t.Fatal(err)
	}
	if names, slices := sweep(time.Second); names != 3 || slices != 1 {
		t.Errorf("%d names and %d slices, want 3 and 1: those in use, and the name that somebody relied on meanwhile", names, slices)
	}
	if err := c.Delete(t.Context(), &v1alpha1.ScimUser{ObjectMeta: metav1.ObjectMeta{Namespace: dir.Namespace, Name: alive.ID}}); err != nil {
		t.Fatal(err) // past us, so that its membership stays
	}
	sweep(0)
	wantMembers(t, groups, dir, group.ID)
	if _, err := users.Create(t.Context(), dir, named("alive")); err != nil {
		t.Fatal(err)
	}
	if names, slices := sweep(untouched); names != 2 || slices != 1 {
		t.Errorf("%d names and %d slices, want only the 2 and 1 in use", names, slices)
	}
	look(t, c, dir.Namespace).check(t)
}
