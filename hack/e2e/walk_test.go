// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/scim-operator/scim-operator/hack/stack"
	"github.com/scim-operator/scim-operator/hack/walk"
)

var (
	walkSeeds    = flag.Int("walk.seeds", 2, "how many random walks TestWalk takes")
	walkSteps    = flag.Int("walk.steps", 60, "how many steps each has")
	walkFirst    = flag.Uint64("walk.first", 0, "the seed of the first walk, the next ones count on from there; 0 chooses one at random")
	walkParallel = flag.Int("walk.parallel", 2, "how many walks are under way at a time")
)

// TestWalk takes random walks, several at a time over one stack, and wants every one to end as the model says. The full one is
// `go test ./hack/e2e -run TestWalk -timeout 2h -walk.seeds=20 -walk.steps=1000 -walk.parallel=4`.
func TestWalk(t *testing.T) {
	first := *walkFirst
	if first == 0 {
		first = rand.Uint64N(1 << 32)
	}
	t.Logf("repeat with -walk.first=%d -walk.seeds=%d -walk.steps=%d", first, *walkSeeds, *walkSteps)
	s := ownStack(t, stack.Options{ControllerManager: true, ControllerArgs: walk.ControllerArgs()})
	ground, err := walk.NewGround(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	var group errgroup.Group
	group.SetLimit(*walkParallel)
	for i := range *walkSeeds {
		group.Go(func() error {
			summary, err := walk.Run(t.Context(), ground, fmt.Sprintf("walk-%d", i), first+uint64(i), *walkSteps)
			if err != nil {
				t.Error(err)
				return nil // the others go on
			}
			t.Log(summary)
			return nil
		})
	}
	_ = group.Wait()
}
