// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// KeySigning is the key of the credential that requests are signed with, if it is there.
const KeySigning = "signingKey"

// The headers of a signed request.
const (
	headerTimestamp = "Scim-Operator-Timestamp"
	headerNonce     = "Scim-Operator-Nonce"
	headerSignature = "Scim-Operator-Signature"
)

// minKey is how long a key is at least: as long as half of what comes out (RFC 2104 section 3 wants all of it).
const minKey = 16

// signer returns what signs a request: at this time, once, this method and address, and this body. An editor's line break at the end of the key is
// no part of it.
func signer(key []byte) (func(*http.Request, []byte), error) {
	key = bytes.TrimRight(key, "\r\n")
	if len(key) < minKey {
		return nil, connector.Invalidf("the Secret's key %q has less than %d bytes", KeySigning, minKey)
	}
	return func(r *http.Request, body []byte) {
		timestamp, nonce := strconv.FormatInt(time.Now().Unix(), 10), rand.Text()
		r.Header.Set(headerTimestamp, timestamp)
		r.Header.Set(headerNonce, nonce)
		r.Header.Set(headerSignature, "v1="+signature(key, timestamp, nonce, r.Method, r.URL.RequestURI(), body))
	}, nil
}

// signature is an HMAC-SHA256 of lines of which none can have a line break in it.
func signature(key []byte, timestamp, nonce, method, target string, body []byte) string {
	digest := sha256.Sum256(body)
	mac := hmac.New(sha256.New, key)
	for _, line := range []string{"v1", timestamp, nonce, method, target, hex.EncodeToString(digest[:])} {
		_, _ = mac.Write([]byte(line + "\n"))
	}
	return hex.EncodeToString(mac.Sum(nil))
}
