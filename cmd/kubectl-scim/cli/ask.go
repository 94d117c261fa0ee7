// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// errRefused is that the answer was not yes.
var errRefused = errors.New("nothing was done")

// Question is the flag --yes of a command that asks before it does something.
type Question struct{ yes bool }

// AddFlags adds --yes to a command.
func (q *Question) AddFlags(c *cobra.Command) {
	c.Flags().BoolVarP(&q.yes, "yes", "y", false, "do it without asking")
}

// Ask asks on stderr and returns nil when the answer is yes, or was given by --yes. Where nobody can answer, the error says so.
func (q *Question) Ask(e *Env, question string) error {
	if q.yes {
		return nil
	}
	if _, err := fmt.Fprintf(e.ErrOut, "%s Type yes: ", question); err != nil {
		return err
	}
	answer, err := bufio.NewReader(e.In).ReadString('\n')
	switch {
	case strings.TrimSpace(answer) == "yes":
		return nil
	case errors.Is(err, io.EOF) && answer == "":
		_, _ = fmt.Fprintln(e.ErrOut)
		return fmt.Errorf("%w: nobody answered; say --yes where nobody can", errRefused)
	default:
		return fmt.Errorf("%w: the answer was not yes", errRefused)
	}
}
