// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package buffer keeps what programs write, for tests that read it.
package buffer

import (
	"bytes"
	"sync"
)

// Locked is a log that many write to while others read it. The zero value is empty.
type Locked struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer. It never fails.
func (b *Locked) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String is what was written so far.
func (b *Locked) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
