// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"
)

func TestErrorBody(t *testing.T) {
	for name, tc := range map[string]struct {
		err        *Error
		body, text string
	}{
		"typed": {
			Errorf(409, ErrorUniqueness, "%s is taken", "userName"),
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"409","scimType":"uniqueness","detail":"userName is taken"}`,
			"scim 409 uniqueness: userName is taken",
		},
		"untyped": {
			Errorf(404, "", "no such resource"),
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"404","detail":"no such resource"}`,
			"scim 404: no such resource",
		},
		"cause": {
			(&Error{Status: 503, Detail: "try again", RetryAfter: time.Second}).WithCause(errors.New("secret")),
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"503","detail":"try again"}`,
			"scim 503: try again",
		},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := json.Marshal(tc.err)
			if err != nil {
				t.Fatal(err)
			}
			diff(t, "RFC 7644 §3.12", tc.body, string(body))
			diff(t, "text for logs", tc.text, tc.err.Error())
		})
	}
}

func TestErrorCause(t *testing.T) {
	plain := Errorf(503, "", "try again")
	plain.RetryAfter = 3 * time.Second
	caused := plain.WithCause(io.EOF)
	if !errors.Is(caused, io.EOF) || errors.Is(plain, io.EOF) {
		t.Error("WithCause must return a copy that unwraps to the cause")
	}
	moved, ok := errors.AsType[*Error](within("x: ", caused))
	if !ok || !errors.Is(moved, io.EOF) || moved.RetryAfter != 3*time.Second || moved.Detail != "x: try again" {
		t.Errorf("within loses the cause or the delay: %+v", moved)
	}
	if foreign := within("x: ", io.EOF); foreign.Error() != "EOF" {
		t.Error("within changes an error that is not ours")
	}
}
