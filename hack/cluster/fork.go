// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import "runtime"

// fork starts the process from a thread that lives as long as the process: Linux delivers the signal of
// childAttributes when the starting *thread* ends, and Go ends idle threads as it likes.
func (r *run) fork() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := r.cmd.Start()
		started <- err
		if err == nil {
			r.err = r.cmd.Wait()
			close(r.exited)
		}
	}()
	return <-started
}
