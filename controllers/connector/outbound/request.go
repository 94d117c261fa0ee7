// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// Request is one request.
type Request struct {
	// What says what it is for, as people read about it in an error: "find the user". It holds nothing of a person.
	What string
	// Method is the HTTP method.
	Method string
	// Path is put behind the base URL. It begins with a slash or is empty, is escaped already, and has neither "." nor ".." in it; see [Segment].
	Path string
	// Query is the query.
	Query url.Values
	// Header are further headers.
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

// Segment escapes a value for one segment of a path. One that would be a path of its own, because it is empty or nothing but dots, is Invalid.
func Segment(value string) (string, error) {
	if value == "" || value == "." || value == ".." {
		return "", connector.Invalidf("an empty identifier, or one of dots alone, cannot be part of an address")
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
	request, err := c.request(ctx, target, r)
	if err != nil {
		return Response{}, nil, err
	}
	if err := c.auth.authenticate(ctx, request); err != nil {
		return Response{}, nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return Response{}, nil, explain(ctx, r.What, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	switch {
	case err != nil:
		return Response{}, nil, explain(ctx, r.What, err)
	case len(body) > maxBody:
		return Response{}, nil, connector.Unavailablef(refusedWait, "%s: the answer is larger than %d MiB", r.What, maxBody>>20)
	}
	return Response{Status: response.StatusCode, Header: response.Header, Body: body}, request, nil
}

// target is the base URL with the path behind it. Whatever the path is, the host stays.
func (c *Client) target(r Request) (*url.URL, error) {
	unescaped, err := url.PathUnescape(r.Path)
	if err != nil || r.Path != "" && r.Path[0] != '/' || strings.ContainsAny(r.Path, "?#") || hasDots(r.Path) {
		return nil, connector.Invalidf("%s: the path of the request cannot be used", r.What).Because(err)
	}
	target := *c.base
	target.RawPath = target.EscapedPath() + r.Path
	target.Path += unescaped
	target.RawQuery = r.Query.Encode()
	return &target, nil
}

// hasDots finds segments that a server or proxy would take for a path of their own, also escaped.
func hasDots(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		unescaped, err := url.PathUnescape(segment)
		if err != nil || unescaped == "." || unescaped == ".." {
			return true
		}
	}
	return false
}

func (c *Client) request(ctx context.Context, target *url.URL, r Request) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, r.Method, target.String(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, connector.Invalidf("%s: the request cannot be made", r.What).Because(err)
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

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// isTimeout reports whether a time-out ended err, ours or the system's.
func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}
