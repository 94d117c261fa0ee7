// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package walk

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// walker takes one walk.
type walker struct {
	*site
	*world
	random *rand.Rand
	log    []entry
	// broken says that the credential of an application was broken.
	broken bool
	// counter makes names that nobody had before.
	counter int
	// settled counts the comparisons on the way.
	settled int
}

// entry of the log: what was done, and whose account it can have moved, by SCIM id; nobody means that it was about more than users.
type entry struct {
	what  string
	users []string
}

// step is one kind of step. It returns an empty text where it cannot be done now, and nothing was.
type step struct {
	weight int
	do     func(w *walker, ctx context.Context) (what string, users []string, err error)
}

func steps() []step {
	return []step{
		{12, (*walker).createUser}, {4, (*walker).recreateName}, {5, (*walker).recreatePerson}, {6, (*walker).deleteUser},
		{6, (*walker).rename}, {5, (*walker).changeEmail}, {4, (*walker).changeTitle}, {4, (*walker).changeRoles},
		{9, (*walker).deactivate}, {9, (*walker).reactivate}, {3, (*walker).suspend}, {5, (*walker).release},
		{14, (*walker).join}, {8, (*walker).leave}, {4, (*walker).nest}, {3, (*walker).unnest},
		{3, (*walker).createGroup}, {2, (*walker).deleteGroup}, {3, (*walker).renameGroup},
		{5, (*walker).makeGrant}, {5, (*walker).changeGrant}, {3, (*walker).deleteGrant},
		{3, (*walker).breakCredential}, {4, (*walker).mendCredential}, {1, (*walker).restart}, {2, (*walker).look},
	}
}

// Run takes a walk of so many steps from a seed, in a namespace that is not there yet. It returns an error that says all there
// is to say if the end, or anything on the way, is not as the model says.
func Run(ctx context.Context, g *Ground, namespace string, seed uint64, count int) (summary string, err error) {
	s, err := g.newSite(ctx, namespace)
	if err != nil {
		return "", err
	}
	w := &walker{
		site: s, random: rand.New(rand.NewPCG(seed, 0)), // walks are to be repeated
		world: &world{apps: s.layout, users: map[string]*user{}, groups: map[string]*group{}, grants: map[string]*grant{}, persons: map[string]*person{}},
	}
	if err := w.walk(ctx, count); err != nil {
		return "", fmt.Errorf("seed %d, after %d steps: %w", seed, len(w.log), err)
	}
	return fmt.Sprintf("seed %d: %d steps, %d comparisons, %d users, %d bindings", seed, count, w.settled, len(w.users), len(w.bindings())), nil
}

func (w *walker) walk(ctx context.Context, count int) error {
	kinds := steps()
	total := 0
	for _, kind := range kinds {
		total += kind.weight
	}
	for len(w.log) < count {
		n := w.random.IntN(total)
		kind := slices.IndexFunc(kinds, func(s step) bool { n -= s.weight; return n < 0 })
		what, users, err := kinds[kind].do(w, ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if what == "" {
			continue
		}
		w.log = append(w.log, entry{what, users})
		w.observe()
	}
	if err := w.mend(ctx); err != nil {
		return err
	}
	if err := w.settle(ctx); err != nil {
		return err
	}
	return w.silent(ctx)
}

// history is what was done to those users, and to all.
func (w *walker) history(users []string) string {
	var text strings.Builder
	for i, e := range w.log {
		if len(e.users) == 0 || slices.ContainsFunc(e.users, func(id string) bool { return slices.Contains(users, id) }) {
			fmt.Fprintf(&text, "%5d %s\n", i+1, e.what)
		}
	}
	return text.String()
}

// pick is one of several, or the zero value of none.
func pick[T any](w *walker, from []T) T {
	var none T
	if len(from) == 0 {
		return none
	}
	return from[w.random.IntN(len(from))]
}

// next makes a name that nobody had before.
func (w *walker) next(prefix string) string {
	w.counter++
	return fmt.Sprintf("%s-%d", prefix, w.counter)
}
