// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/wait"
)

// poll is how often a command that waits looks again.
const poll = 250 * time.Millisecond

// ErrTimeout is that what was waited for did not come in time.
var ErrTimeout = errors.New("in vain")

// Patience is the flags --wait and --timeout of a command that waits for what it asked for.
type Patience struct {
	// Wait is --wait.
	Wait bool
	// Timeout is --timeout.
	Timeout time.Duration
}

// AddFlags adds --wait and --timeout to a command.
func (p *Patience) AddFlags(c *cobra.Command) {
	c.Flags().BoolVar(&p.Wait, "wait", true, "wait until it is done")
	p.AddTimeout(c)
}

// AddTimeout adds --timeout alone, to a command that cannot but wait.
func (p *Patience) AddTimeout(c *cobra.Command) {
	c.Flags().DurationVar(&p.Timeout, "timeout", time.Minute, "how long to wait")
}

// Until looks until done returns true or an error. When the time is over, the error says what was waited for.
func (p *Patience) Until(ctx context.Context, what string, done func(context.Context) (bool, error)) error {
	limited, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	err := wait.PollUntilContextCancel(limited, poll, true, done)
	if err != nil && limited.Err() != nil && ctx.Err() == nil && (errors.Is(err, context.DeadlineExceeded) || wait.Interrupted(err)) {
		return fmt.Errorf("waited %s for %s, %w: is scim-controller running? --timeout waits longer", p.Timeout, what, ErrTimeout)
	}
	return err
}
