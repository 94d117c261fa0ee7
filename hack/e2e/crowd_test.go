// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/bench/meter"
	"github.com/scim-operator/scim-operator/hack/stack"
)

var crowdFull = flag.Bool("crowd.full", false, "TestCrowd has ten thousand users, of whom a thousand leave; give it -timeout 1h")

// crowdSize is how many users a crowd has, how many of them leave together, and how many of these the guard lets go.
type crowdSize struct {
	users, leavers int
	guard          int32
}

func sizeOfCrowd() crowdSize {
	if *crowdFull {
		return crowdSize{10_000, 1000, 50}
	}
	return crowdSize{300, 150, 20}
}

// atATime is how many requests an identity provider has under way.
const atATime = 16

// somebody is a user of a crowd.
type somebody struct{ id, userName string }

// crowd posts n users.
func (tn *tenant) crowd(t *testing.T, prefix string, n int) []somebody {
	t.Helper()
	people := make([]somebody, n)
	_, err := meter.Timed(t.Context(), n, atATime, func(ctx context.Context, i int) error {
		name := fmt.Sprintf("%s-%d@acme.test", prefix, i)
		answer, err := tn.idp[i%len(tn.idp)].Post(ctx, idp.OktaUser(idp.Person{UserName: name, ExternalID: "ext-" + name, GivenName: "A", FamilyName: "B"}))
		if err == nil && answer.Status != http.StatusCreated {
			err = fmt.Errorf("POST: got %s", answer)
		}
		people[i] = somebody{answer.ID(), name}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return people
}

// activate switches people on or off. Every answer must be 200, whatever a guard makes of it.
func (tn *tenant) activate(t *testing.T, people []somebody, active bool) {
	t.Helper()
	_, err := meter.Timed(t.Context(), len(people), atATime, func(ctx context.Context, i int) error {
		answer, err := tn.idp[i%len(tn.idp)].Patch(ctx, people[i].id, idp.OktaPatch(active))
		if err == nil && answer.Status != http.StatusOK {
			err = fmt.Errorf("PATCH active %t: got %s", active, answer)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// waitBoundOf waits until so many of these people are bound, and returns who.
func (tn *tenant) waitBoundOf(t *testing.T, people []somebody, want int) (bound []somebody) {
	t.Helper()
	eventually(t, func(ctx context.Context) error {
		names, err := tn.BoundUsers(ctx, tn.target)
		bound = slices.DeleteFunc(slices.Clone(people), func(p somebody) bool { return !slices.Contains(names, p.userName) })
		if err == nil && len(bound) != want {
			err = fmt.Errorf("%d of %d are bound, want %d", len(bound), len(people), want)
		}
		return err
	})
	return bound
}

// TestCrowd has many users in one directory: one leaver among all who join, and a crowd that leaves.
func TestCrowd(t *testing.T) {
	s := ownStack(t, stack.Options{Servers: 2, ControllerArgs: []string{"--leader-elect=false"}}) // it is killed
	tn := newTenant(t, s)
	tn.mustDelete(t, tn.grant(grantName))
	size := sizeOfCrowd()
	people := tn.crowd(t, "crowd", size.users)
	t.Run("OneLeaverOvertakes", func(t *testing.T) { tn.overtake(t, people) })
	t.Run("ACrowdLeaves", func(t *testing.T) { tn.leaveTogether(t, people[:size.leavers], size.guard) })
}

// underWay is how many accounts may be given at once: those that are begun are not overtaken.
const underWay = 16

// overtake gives access to a crowd and takes it from somebody else meanwhile, who must be out before one in a hundred of those who
// wait is in.
func (tn *tenant) overtake(t *testing.T, people []somebody) {
	leaver := tn.crowd(t, "leaver", 1)
	tn.mustCreate(t, tn.grant("leaver", v1alpha1.Subject{Kind: v1alpha1.SubjectUser, UserName: leaver[0].userName}))
	tn.waitBoundOf(t, leaver, 1)
	log := tn.watchBindings(t)
	tn.mustCreate(t, tn.grant(grantName, v1alpha1.Subject{Kind: v1alpha1.SubjectEveryone}))
	log.wait(t, 1, "")
	tn.activate(t, leaver, false)
	before := log.added("")
	log.wait(t, 0, leaver[0].userName)
	came := log.added(leaver[0].userName) - before
	t.Logf("%d of %d were in when the leaver's 200 came, and %d more before the leaver was out", before, len(people), came)
	if most := max((len(people)-before)/100, underWay); came > most {
		t.Errorf("%d of %d who waited came in before the leaver was out, want %d at most", came, len(people)-before, most)
	}
	log.wait(t, len(people), "")
}

// leaveTogether deactivates a crowd under a guard that lets a few go.
func (tn *tenant) leaveTogether(t *testing.T, people []somebody, guard int32) {
	tn.waitBoundOf(t, people, len(people))
	tn.changeApplication(t, guarded(guard, guard))
	stay := len(people) - int(guard)
	half := len(people) / 2
	tn.activate(t, people[:half], false)
	if err := tn.Controller.Kill(); err != nil {
		t.Fatal(err)
	}
	tn.activate(t, people[half:], false)
	if err := tn.Controller.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	digest := tn.waitHeld(t, stay)
	kept := tn.waitBoundOf(t, people, stay)
	if err := tn.Controller.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	tn.decide(t, v1alpha1.AnnotationApprove, "0123456789abcdef")
	tn.waitBoundOf(t, tn.crowd(t, "fence", 1), 1) // by now everything before was seen
	if again := tn.waitHeld(t, stay); again != digest {
		t.Errorf("the digest went from %s to %s although nothing changed", digest, again)
	}
	if after := tn.waitBoundOf(t, people, stay); !slices.Equal(kept, after) {
		t.Error("others are bound after the restart")
	}
	tn.decide(t, v1alpha1.AnnotationApprove, digest)
	tn.waitBoundOf(t, people, 0)
	tn.waitHeld(t, 0)
}

// bindingLog follows RoleBindings in the order in which the API server has their changes.
type bindingLog struct {
	mu   sync.Mutex
	news chan struct{}
	// order has an entry for each binding that came or went.
	order []bindingChange
	ended bool
}

type bindingChange struct {
	userName string
	gone     bool
}

func (tn *tenant) watchBindings(t *testing.T) *bindingLog {
	t.Helper()
	var now rbacv1.RoleBindingList
	if err := tn.Client.List(t.Context(), &now, client.InNamespace(tn.target)); err != nil {
		t.Fatal(err)
	}
	from := &client.ListOptions{Namespace: tn.target, Raw: &metav1.ListOptions{ResourceVersion: now.ResourceVersion}}
	events, err := tn.Client.Watch(t.Context(), &rbacv1.RoleBindingList{}, from)
	if err != nil {
		t.Fatal(err)
	}
	log := &bindingLog{news: make(chan struct{})}
	go func() {
		for event := range events.ResultChan() {
			log.take(event)
		}
		log.take(watch.Event{})
	}()
	t.Cleanup(events.Stop)
	return log
}

func (l *bindingLog) take(event watch.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	binding, ok := event.Object.(*rbacv1.RoleBinding)
	switch {
	case !ok:
		l.ended = true
	case event.Type == watch.Added, event.Type == watch.Deleted:
		l.order = append(l.order, bindingChange{binding.Subjects[0].Name, event.Type == watch.Deleted})
	}
	close(l.news)
	l.news = make(chan struct{})
}

// all are the changes up to now.
func (l *bindingLog) all() (order []bindingChange, news <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		err = errors.New("the watch has ended")
	}
	return slices.Clone(l.order), l.news, err
}

// added counts the bindings that came, up to the removal of that user if one is named.
func (l *bindingLog) added(until string) (n int) {
	order, _, _ := l.all()
	for _, c := range order {
		if until != "" && c.gone && c.userName == until {
			break
		}
		if !c.gone {
			n++
		}
	}
	return n
}

// wait waits until so many came and, if one is named, that user went.
func (l *bindingLog) wait(t *testing.T, added int, gone string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	for {
		order, news, err := l.all()
		if l.added("") >= added && (gone == "" || slices.Contains(order, bindingChange{gone, true})) {
			return
		}
		if err == nil {
			select {
			case <-news:
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		if err != nil {
			t.Fatalf("%v: %d bindings came, want %d, and %q to go", err, l.added(""), added, gone)
		}
	}
}
