// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
	"time"

	"github.com/scim-operator/scim-operator/scimserver/auth"
	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// cursorTimeout is how long a cursor is good for, which ServiceProviderConfig advertises.
const cursorTimeout = time.Hour

// listing is a request for one page of a list: of a walk by cursor (RFC 9865 §2), or by index, which needs no codec.
type listing struct {
	codec *scim.CursorCodec
	query scim.ListQuery
	scope []string
	now   time.Time
}

// newListing reads the cursor of query, and puts the position that it stands for into the query. A cursor is good for one
// token of one directory, one endpoint, and one filter and order.
func newListing(dir directory.Directory, r *http.Request, query scim.ListQuery, endpoint string, now time.Time) (listing, error) {
	l := listing{query: query, scope: []string{dir.UID, endpoint}, now: now}
	if query.Cursor == nil {
		return l, nil
	}
	id, _ := auth.FromContext(r.Context())
	codec, err := scim.NewCursorCodec(cursorKey(dir.UID, id.TokenKeyID))
	if err != nil {
		return listing{}, err
	}
	l.codec = codec
	if *query.Cursor == "" {
		return l, nil
	}
	position, err := codec.Decode(*query.Cursor)
	if err != nil {
		return listing{}, err
	}
	l.query.After = &position
	return l, position.Check(query, now, cursorTimeout, l.scope...)
}

// cursorKey is what all servers know and no client does: the UID of a ScimDirectory is random, and no answer has it. With the
// key id in it, nobody goes on with the walk of another credential, which may have had other rights.
func cursorKey(uid, tokenKeyID string) []byte {
	h := hmac.New(sha256.New, []byte(uid))
	h.Write([]byte("scim cursor key\x00" + tokenKeyID))
	return h.Sum(nil)
}

// answer is the page as the client reads it; next is where it ends if more follows.
func (l listing) answer(total int, next *scim.Position, shown []map[string]any) reply {
	if l.codec == nil {
		return reply{status: http.StatusOK, body: scim.ListResponse(total, l.query.StartIndex, shown)}
	}
	return reply{status: http.StatusOK, body: scim.CursorListResponse(total, l.cursorOf(next), shown)}
}

// cursorOf is empty after the last page.
func (l listing) cursorOf(next *scim.Position) string {
	if next == nil {
		return ""
	}
	position := *next
	position.QueryHash, position.Count, position.IssuedAt = l.query.Hash(l.scope...), l.query.Count, l.now
	return l.codec.Encode(position)
}
