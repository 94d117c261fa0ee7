// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// fixed is an API server where nothing happens: informers list what is there, and watch in vain.
type fixed map[string]client.ObjectList

// lister lists one kind.
type lister struct{ list client.ObjectList }

// IsWatchListSemanticsUnSupported has informers list, then watch.
func (l lister) IsWatchListSemanticsUnSupported() bool { return true }

// List implements cache.ListerWatcher. Each informer gets objects of its own.
func (l lister) List(metav1.ListOptions) (kruntime.Object, error) {
	list := l.list.DeepCopyObject()
	list.(client.ObjectList).SetResourceVersion("1")
	return list, nil
}

// Watch implements cache.ListerWatcher.
func (l lister) Watch(metav1.ListOptions) (watch.Interface, error) { return watch.NewFake(), nil }

// cacheOf is a cache of controller-runtime as a controller has it.
func cacheOf(tb testing.TB, f fixed, indexed bool) cache.Cache {
	tb.Helper()
	scheme, mapper := kruntime.NewScheme(), meta.NewDefaultRESTMapper(nil)
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		tb.Fatal(err)
	}
	for _, kind := range []string{"ScimUser", "ScimGroup", "ScimMemberSlice"} {
		mapper.Add(v1alpha1.GroupVersion.WithKind(kind), meta.RESTScopeNamespace)
	}
	c, err := cache.New(&rest.Config{Host: "127.0.0.1:1"}, cache.Options{
		Scheme: scheme, Mapper: mapper,
		NewInformer: func(_ toolscache.ListerWatcher, o kruntime.Object, resync time.Duration, indexers toolscache.Indexers) toolscache.SharedIndexInformer {
			return toolscache.NewSharedIndexInformer(lister{f[fmt.Sprintf("%T", o)]}, o, resync, indexers)
		},
	})
	if err == nil && indexed {
		err = Register(tb.Context(), c)
	}
	if err != nil {
		tb.Fatal(err)
	}
	for _, kind := range []client.Object{&v1alpha1.ScimUser{}, &v1alpha1.ScimGroup{}, &v1alpha1.ScimMemberSlice{}} {
		if _, err := c.GetInformer(tb.Context(), kind, cache.BlockUntilSynced(false)); err != nil {
			tb.Fatal(err)
		}
	}
	go func() { _ = c.Start(tb.Context()) }()
	if !c.WaitForCacheSync(tb.Context()) {
		tb.Fatal("the cache does not start")
	}
	return c
}

// large is a directory of groups of that many members each, out of that many people, in slices that are about 80 % full.
func large(groups, members, people int) fixed {
	users, all, slices := &v1alpha1.ScimUserList{}, &v1alpha1.ScimGroupList{}, &v1alpha1.ScimMemberSliceList{}
	for i := range people {
		users.Items = append(users.Items, *user(personName(i)))
	}
	for g := range groups {
		name := fmt.Sprintf("%08d-1111-4111-8111-111111111111", g)
		all.Items = append(all.Items, *group(name))
		var in []string
		for i := range members {
			in = append(in, personName((g*members+i)%people))
		}
		grow(slices, name, name, in)
	}
	return fixed{"*v1alpha1.ScimUser": users, "*v1alpha1.ScimGroup": all, "*v1alpha1.ScimMemberSlice": slices}
}

func personName(i int) string { return fmt.Sprintf("%08d-0000-4000-8000-000000000000", i) }

// grow adds the slices that hold members, below and with the one of that name.
func grow(all *v1alpha1.ScimMemberSliceList, name, group string, in []string) {
	if len(in) <= 80 {
		all.Items = append(all.Items, *leaf(name, group, in...))
		return
	}
	left, right := fmt.Sprintf("%s-%013d", group, 2*len(all.Items)+1), fmt.Sprintf("%s-%013d", group, 2*len(all.Items)+2)
	all.Items = append(all.Items, *inner(name, group, left, right))
	grow(all, left, group, in[:len(in)/2])
	grow(all, right, group, in[len(in)/2:])
}

// BenchmarkGroupsOf asks for a user who is in 20 groups of 50,000 members.
func BenchmarkGroupsOf(b *testing.B) {
	c := cacheOf(b, large(20, 50_000, 50_000), true)
	b.ReportAllocs()
	for b.Loop() {
		groups, err := GroupsOf(b.Context(), c, namespace, personName(12_345))
		if err != nil || len(groups) != 20 {
			b.Fatal(len(groups), err)
		}
	}
}

// BenchmarkIndex measures the memory of the indexes of 100 groups of 10,000 members.
func BenchmarkIndex(b *testing.B) {
	for _, people := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint("people=", people), func(b *testing.B) {
			f := large(100, 10_000, people)
			for b.Loop() {
				empty := heap()
				bare := cacheOf(b, f, false)
				plain := heap() - empty
				indexed := cacheOf(b, f, true)
				with := heap() - empty - plain
				b.ReportMetric(float64(plain)/(1<<20), "MiB-cache")
				b.ReportMetric(float64(with-plain)/(1<<20), "MiB-index")
				runtime.KeepAlive([]any{f, bare, indexed})
			}
		})
	}
}

// heap is what is in use after a garbage collection.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
