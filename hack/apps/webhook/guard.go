// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// window is how far the clocks of both sides may be apart, and for how long a request is remembered.
const window = 5 * time.Minute

var errDenied = errors.New("who are you?")

// guard lets requests through that bear the token and, if there is a signing key, a signature that is right, new and not seen before. A GET changes
// nothing and may be seen again: HTTP clients repeat one by themselves when a connection breaks.
type guard struct {
	token      string
	signingKey []byte
	next       http.Handler

	mu   sync.Mutex
	seen map[string]time.Time // when, by nonce
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil || !g.knows(r) || !g.signed(r, body, time.Now()) {
		refuse(w, errDenied)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	g.next.ServeHTTP(w, r)
}

func (g *guard) knows(r *http.Request) bool {
	token, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return isBearer && subtle.ConstantTimeCompare([]byte(token), []byte(g.token)) == 1
}

func (g *guard) signed(r *http.Request, body []byte, now time.Time) bool {
	if len(g.signingKey) == 0 {
		return true
	}
	timestamp, nonce := r.Header.Get("Scim-Operator-Timestamp"), r.Header.Get("Scim-Operator-Nonce")
	digest := sha256.Sum256(body)
	mac := hmac.New(sha256.New, g.signingKey)
	_, _ = fmt.Fprintf(mac, "v1\n%s\n%s\n%s\n%s\n%s\n", timestamp, nonce, r.Method, r.RequestURI, hex.EncodeToString(digest[:]))
	want := "v1=" + hex.EncodeToString(mac.Sum(nil))
	if !hmac.Equal([]byte(want), []byte(r.Header.Get("Scim-Operator-Signature"))) {
		return false
	}
	sent, err := strconv.ParseInt(timestamp, 10, 64)
	return err == nil && now.Sub(time.Unix(sent, 0)).Abs() <= window && (r.Method == http.MethodGet || g.first(nonce, now))
}

// first reports whether the nonce is new. One is remembered for as long as its timestamp can be accepted.
func (g *guard) first(nonce string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	maps.DeleteFunc(g.seen, func(_ string, at time.Time) bool { return now.Sub(at) > 2*window })
	if _, again := g.seen[nonce]; again {
		return false
	}
	if g.seen == nil {
		g.seen = map[string]time.Time{}
	}
	g.seen[nonce] = now
	return true
}
