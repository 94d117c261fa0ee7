// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// Timed runs n calls, numbered from 0 and so many at a time, and says how long all took. It ends at the first error.
func Timed(ctx context.Context, n, concurrency int, call func(ctx context.Context, i int) error) (time.Duration, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrency)
	start := time.Now()
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error { return call(ctx, i) })
	}
	err := group.Wait()
	return time.Since(start), err
}

// Milliseconds is for people, with one decimal.
func Milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// Percentile returns the smallest of the sorted values that percent of all do not exceed; zero if there are none.
func Percentile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, (len(sorted)*percent+99)/100-1)]
}
