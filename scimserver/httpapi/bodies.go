// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"io"
	"net/http"
)

// freeBody is how much of a body is read whatever else is being read: a leaver's PATCH does not wait until the members of large
// groups are done with. The requests that may be under way bound these.
const freeBody = 64 << 10

// limitMemory holds the bytes of long bodies below Limits.BodyMemory, all together, and those of one credential below its share:
// reading one takes twenty times its size for a moment. One that says how long it is gets all of it before anything is read.
func (s *server) limitMemory(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := &heldBody{ReadCloser: r.Body, server: s, key: keyOf(exchangeOf(r).identity)}
		defer b.release()
		if err := b.reach(r.ContentLength); err != nil {
			respond(w, r, reply{}, err)
			return
		}
		r.Body = b
		next.ServeHTTP(w, r)
	})
}

// heldBody is a body whose bytes are counted as they are read. It belongs to the goroutine of its request.
type heldBody struct {
	io.ReadCloser
	server     *server
	key        credentialKey
	read, held int64
}

// Read implements io.Reader. It fails with a *scim.Error when there is no memory left for what it has read.
func (b *heldBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	if refused := b.reach(b.read); refused != nil {
		return 0, refused
	}
	return n, err
}

// reach makes sure of the memory for a body of size bytes.
func (b *heldBody) reach(size int64) error {
	need := size - freeBody - b.held
	if need <= 0 {
		return nil
	}
	// In steps of freeBody, so that not each read asks.
	need = (need + freeBody - 1) / freeBody * freeBody
	s := b.server
	if !s.credentials.hold(b.key, s.elapsed(), need, share(s.Limits.BodyMemory)) {
		return errManyBodies()
	}
	b.held += need
	if !s.bodies.TryAcquire(need) {
		b.held -= need
		s.credentials.hold(b.key, s.elapsed(), -need, 0)
		return errManyBodies()
	}
	return nil
}

func (b *heldBody) release() {
	if b.held > 0 {
		b.server.bodies.Release(b.held)
		b.server.credentials.hold(b.key, b.server.elapsed(), -b.held, 0)
	}
}

// share is how much of something one credential may have.
func share[T int | int64](of T) T { return max(1, of/2) }
