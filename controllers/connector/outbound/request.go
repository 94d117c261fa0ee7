// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// Request is one request.
type Request struct {
	// What says what it is for, as people read about it in an error: "find the user". It holds nothing of a person.
	What string
	// Method is the HTTP method. No request that may have reached the application is sent again but GET and HEAD, and one with an Idempotency-Key.
	Method string
	// Path is put behind the base URL. It begins with a slash or is empty, is escaped already, and has in it neither "." nor ".." nor an empty segment
	// but the last; see [Segment]. Anything else is Invalid.
	Path string
	// Query is the query.
	Query url.Values
	// Header are further headers. That of the authentication is put over them.
	Header http.Header
	// Body is the body, nil for none.
	Body []byte
	// ContentType is that of the body; empty means application/json.
	ContentType string
	// Accept is what is wanted; empty means application/json.
	Accept string
}

// Response is the answer to a request, whatever its status is.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// ErrTooLarge is in the error of a request whose answer is larger than Config.MaxAnswer.
var ErrTooLarge = errors.New("answer too large")

// Segment escapes a value for one segment of a path. A value is Invalid that is empty, or that would be a path out of where it is put for a server
// or proxy that unescapes before it looks: "..", "../x" and the like. A slash alone is escaped.
func Segment(value string) (string, error) {
	if value == "" || hasDots(value) {
		return "", connector.Invalidf("an empty identifier, or one with a path of dots in it, cannot be part of an address")
	}
	return url.PathEscape(value), nil
}

// Do sends the request and returns the answer. An error means that there is none: it is of a kind, or ctx's.
func (c *Client) Do(ctx context.Context, r Request) (Response, error) {
	target, err := c.target(r)
	if err != nil {
		return Response{}, err
	}
	answer, sent, err := c.send(ctx, target, r)
	if err == nil && answer.Status == http.StatusUnauthorized && c.auth.refused(sent) {
		answer, _, err = c.send(ctx, target, r)
	}
	return answer, err
}

func (c *Client) send(ctx context.Context, target *url.URL, r Request) (Response, *http.Request, error) {
	request, err := newRequest(ctx, target, r)
	if err != nil {
		return Response{}, nil, err
	}
	if err := c.auth.authenticate(ctx, c.http, request); err != nil {
		return Response{}, nil, err
	}
	if c.sign != nil {
		c.sign(request, r.Body)
	}
	answer, err := c.exchange(ctx, request, r.What)
	return answer, request, err
}

func size(bytes int64) string {
	if bytes < 1<<20 {
		return fmt.Sprintf("%d KiB", bytes>>10)
	}
	return fmt.Sprintf("%d MiB", bytes>>20)
}

// exchange waits for its turn: what waits for a connection within net/http would wait on its time-out.
func (c *Client) exchange(ctx context.Context, request *http.Request, what string) (Response, error) {
	select {
	case c.turns <- struct{}{}:
		defer func() { <-c.turns }()
	case <-ctx.Done():
		return Response{}, explain(ctx, what, ctx.Err())
	}
	response, err := c.http.Do(request)
	if err != nil {
		return Response{}, explain(ctx, what, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, c.maxAnswer+1))
	switch {
	case err != nil:
		return Response{}, explain(ctx, what, err)
	case int64(len(body)) > c.maxAnswer:
		return Response{}, connector.Unavailablef(refusedWait, "%s: the answer is larger than %s", what, size(c.maxAnswer)).Because(ErrTooLarge)
	}
	return Response{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}

// target is the base URL with the path behind it. Whatever the path is, the host and the base stay.
func (c *Client) target(r Request) (*url.URL, error) {
	target, ok := below(c.base, r.Path)
	if !ok || r.Path != "" && r.Path[0] != '/' || strings.ContainsAny(r.Path, "?#") || strings.Contains(r.Path, "//") || pathHasDots(r.Path) {
		return nil, connector.Invalidf("%s: the path of the request cannot be used", r.What)
	}
	target.RawQuery = r.Query.Encode()
	return target, nil
}

func pathHasDots(escaped string) bool {
	unescaped, err := url.PathUnescape(escaped)
	return err != nil || hasDots(unescaped)
}

// hasDots finds "." and ".." where some server or proxy would take them for steps: between slashes, backslashes, and before a ";".
func hasDots(path string) bool {
	for step := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '/' || r == '\\' }) {
		if step, _, _ = strings.Cut(step, ";"); step == "." || step == ".." {
			return true
		}
	}
	return false
}

func newRequest(ctx context.Context, target *url.URL, r Request) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, r.Method, target.String(), bytes.NewReader(r.Body))
	if err != nil || !canBeSent(r.Header) {
		return nil, connector.Invalidf("%s: the method or a header of the request cannot be sent", r.What)
	}
	if r.Header != nil {
		request.Header = r.Header.Clone()
	}
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("Accept", or(r.Accept, "application/json"))
	if r.Body != nil {
		request.Header.Set("Content-Type", or(r.ContentType, "application/json"))
	}
	return request, nil
}

func canBeSent(header http.Header) bool {
	for name, values := range header {
		for _, value := range values {
			if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
				return false
			}
		}
	}
	return true
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
