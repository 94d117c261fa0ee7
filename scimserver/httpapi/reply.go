// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// reply is what a handler answers. The zero reply is for use beside an error only.
type reply struct {
	status   int
	body     any // nil for none
	location string
	etag     string
	allow    string
}

// respond is the only place that writes a response: rep, or what clients are told of err.
func respond(w http.ResponseWriter, r *http.Request, rep reply, err error) {
	header := w.Header()
	if err != nil {
		exchangeOf(r).err = err
		rep = refuse(header, rep, err)
	}
	body, err := encode(rep.body)
	if err != nil {
		exchangeOf(r).err = err
		rep = refuse(header, reply{}, err)
		body, _ = encode(rep.body) // a SCIM error always encodes
	}
	setHeaders(header, r, rep)
	if rep.body != nil {
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(rep.status)
	if rep.body != nil && r.Method != http.MethodHead {
		// A client that is gone or too slow has nobody left to be told.
		_, _ = w.Write(body)
	}
}

// refuse is the reply for an error. Of rep it keeps Allow, which belongs to a 405.
func refuse(header http.Header, rep reply, err error) reply {
	told := toldOf(err)
	if told.RetryAfter > 0 {
		// Whole seconds, rounded up: Okta reads nothing else (RFC 9110 §10.2.3).
		header.Set("Retry-After", strconv.FormatInt(int64((told.RetryAfter+time.Second-1)/time.Second), 10))
	}
	for _, challenge := range challengesOf(err) {
		header.Add("WWW-Authenticate", challenge)
	}
	if closes(told.Status) {
		header.Set("Connection", "close")
	}
	return reply{status: told.Status, body: told, allow: rep.allow}
}

// closes says whether the rest of the request is not worth reading.
func closes(status int) bool {
	return status == http.StatusRequestEntityTooLarge || status == http.StatusRequestTimeout
}

func setHeaders(header http.Header, r *http.Request, rep reply) {
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Request-Id", exchangeOf(r).requestID)
	if rep.body != nil {
		header.Set("Content-Type", answerType(r.Header))
	}
	for name, value := range map[string]string{"Location": rep.location, "Etag": rep.etag, "Allow": rep.allow} {
		if value != "" {
			header.Set(name, value)
		}
	}
}

func encode(body any) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	return json.Marshal(body)
}
