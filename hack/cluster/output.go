// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"io"
	"sync"
)

const (
	// tailBytes of the output are kept for the error when a process does not start.
	tailBytes = 4 << 10
	// maxLine bounds the buffer for a line without an end.
	maxLine = 64 << 10
)

// lineWriter passes whole lines on, each behind the name of its process, and keeps the last ones.
type lineWriter struct {
	name string
	to   io.Writer

	mu      sync.Mutex
	partial []byte
	tail    []byte
}

// Write never fails: a full disk under a log must not block the process that writes it.
func (w *lineWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tail = append(w.tail, b...)
	w.tail = w.tail[max(0, len(w.tail)-tailBytes):]
	if w.to != nil {
		w.pass(b)
	}
	return len(b), nil
}

func (w *lineWriter) pass(b []byte) {
	w.partial = append(w.partial, b...)
	for {
		end := bytes.IndexByte(w.partial, '\n') + 1
		if end == 0 && len(w.partial) > maxLine {
			end = maxLine
		}
		if end == 0 {
			return
		}
		line := append([]byte(w.name+": "), w.partial[:end]...)
		_, _ = w.to.Write(line)
		w.partial = w.partial[end:]
	}
}

func (w *lineWriter) lastLines() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Clone(w.tail)
}

// lockedWriter lets several processes share a writer that is not safe for concurrent use.
type lockedWriter struct {
	mu sync.Mutex
	to io.Writer
}

// Write implements io.Writer.
func (w *lockedWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(b)
}
