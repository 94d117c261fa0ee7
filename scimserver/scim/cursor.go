// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Position is where a walk over a list stands: after the resource that it names, in
// the order of the query's sort and then of creation and id. That resource may be
// gone by the time the walk goes on; nothing is missed.
type Position struct {
	// LastCreated and LastID are of the last resource of the page before.
	LastCreated time.Time
	LastID      string
	// LastKey is its [Sort.Key], empty if the query is not sorted. Whoever has the
	// cursor can read it, who has just been shown the value.
	LastKey string
	// LastType is the ID of its resource type in a list of several, and empty in a
	// list of one.
	LastType string
	// QueryHash is [ListQuery.Hash] of the query.
	QueryHash [32]byte
	// Count is that of the query.
	Count int
	// IssuedAt is when the page before was sent, to the second.
	IssuedAt time.Time
}

// Check reports whether p continues the query q in scope at the time now (RFC 9865
// §2.1): 400 expiredCursor if p is older than timeout, 400 invalidCount if the count
// is not that of the page before, 400 invalidCursor if the query is not the same.
func (p Position) Check(q ListQuery, now time.Time, timeout time.Duration, scope ...string) error {
	switch {
	case now.Sub(p.IssuedAt) > timeout:
		return badRequest(ErrorExpiredCursor, "cursor has expired: begin again without one")
	case p.QueryHash != q.Hash(scope...):
		return invalidCursor()
	case p.Count != q.Count:
		return badRequest(ErrorInvalidCount, "count must be the same for all pages")
	}
	return nil
}

func invalidCursor() error {
	return badRequest(ErrorInvalidCursor, "cursor is not one that this query has been answered with")
}

// CursorCodec turns positions into cursors that clients cannot make or change. All
// servers that share a key understand each other's. It is safe for concurrent use.
type CursorCodec struct{ key []byte }

// cursorVersion is the first byte of what is authenticated: a change of layout
// changes it, and cursors from before become invalid.
const cursorVersion = 2

// maxLastType is how long a LastType can be, so that all that a cursor holds stays
// below [Limits].CursorBytes.
const maxLastType = 64

// NewCursorCodec returns the codec of key, which must have 32 bytes or more and is
// copied.
func NewCursorCodec(key []byte) (*CursorCodec, error) {
	if len(key) < sha256.Size {
		return nil, fmt.Errorf("make cursor codec: the key has %d bytes, less than %d", len(key), sha256.Size)
	}
	return &CursorCodec{key: slices.Clone(key)}, nil
}

// Encode returns the cursor of p, which consists of unreserved characters of URIs
// only (RFC 3986 §2.3). LastID is cut after 255 bytes, LastType after 64, LastKey
// after what a Key can have.
func (c *CursorCodec) Encode(p Position) string {
	id := p.LastID[:min(len(p.LastID), math.MaxUint8)]
	key := p.LastKey[:min(len(p.LastKey), 1+DefaultLimits().SortKeyBytes)]
	of := p.LastType[:min(len(p.LastType), maxLastType)]
	out := []byte{cursorVersion}
	out = appendInstant(out, p.LastCreated)
	out = binary.BigEndian.AppendUint64(out, uint64(p.IssuedAt.Unix())) //nolint:gosec // the bits, not the number
	out = binary.BigEndian.AppendUint64(out, uint64(p.Count))           //nolint:gosec // the bits, not the number
	out = append(out, p.QueryHash[:]...)
	out = appendText(appendText(out, id), of)
	out = append(out, key...)
	return base64.RawURLEncoding.EncodeToString(append(out, c.sum(out)...))
}

// Decode returns the position that cursor was made of, in UTC. Anything that a codec
// with this key and layout has not made is 400 invalidCursor.
func (c *CursorCodec) Decode(cursor string) (Position, error) {
	if len(cursor) > DefaultLimits().CursorBytes || strings.ContainsAny(cursor, "\r\n") {
		return Position{}, invalidCursor()
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) < sha256.Size {
		return Position{}, invalidCursor()
	}
	signed, sum := raw[:len(raw)-sha256.Size], raw[len(raw)-sha256.Size:]
	if !hmac.Equal(sum, c.sum(signed)) {
		return Position{}, invalidCursor()
	}
	p, ok := parsePosition(signed)
	if !ok {
		return Position{}, invalidCursor()
	}
	return p, nil
}

// sum authenticates a cursor. The prefix keeps a key that serves other ends too from
// signing cursors there.
func (c *CursorCodec) sum(signed []byte) []byte {
	h := hmac.New(sha256.New, c.key)
	h.Write([]byte("scim cursor\x00"))
	h.Write(signed)
	return h.Sum(nil)
}

func appendInstant(out []byte, t time.Time) []byte {
	out = binary.BigEndian.AppendUint64(out, uint64(t.Unix()))        //nolint:gosec // the bits, not the number
	return binary.BigEndian.AppendUint32(out, uint32(t.Nanosecond())) //nolint:gosec // below 1e9
}

// appendText appends a text of up to 255 bytes so that its end can be found.
func appendText(out []byte, text string) []byte {
	return append(append(out, byte(len(text))), text...) //nolint:gosec // cut by the caller
}

// takeText splits what appendText appended off the front.
func takeText(from []byte) (text string, rest []byte, ok bool) {
	if len(from) == 0 || len(from)-1 < int(from[0]) {
		return "", nil, false
	}
	return string(from[1 : 1+int(from[0])]), from[1+int(from[0]):], true
}

// parsePosition reads what Encode wrote. It is authentic, but it may be of another
// version.
func parsePosition(signed []byte) (Position, bool) {
	const fixed = 1 + 12 + 8 + 8 + 32
	if len(signed) < fixed || signed[0] != cursorVersion {
		return Position{}, false
	}
	number := func(at int) int64 {
		return int64(binary.BigEndian.Uint64(signed[at:])) //nolint:gosec // the bits, not the number
	}
	p := Position{
		LastCreated: time.Unix(number(1), int64(binary.BigEndian.Uint32(signed[9:]))).UTC(),
		IssuedAt:    time.Unix(number(13), 0).UTC(),
		Count:       int(number(21)),
		QueryHash:   [32]byte(signed[29:fixed]),
	}
	id, rest, whole := takeText(signed[fixed:])
	of, rest, wholeType := takeText(rest)
	p.LastID, p.LastType, p.LastKey = id, of, string(rest)
	return p, whole && wholeType
}
