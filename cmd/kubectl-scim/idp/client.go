// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package idp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// requestTimeout is that of Okta: 60 s.
const requestTimeout = time.Minute

// Object is a JSON object.
type Object = map[string]any

// Client speaks to one directory at one server. It is safe for concurrent use.
type Client struct {
	base, token string
	http        *http.Client
}

// New returns a client of the directory with that SCIM base URL. An empty token is not sent.
func New(base, token string) *Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	return &Client{base: base, token: token, http: &http.Client{Timeout: requestTimeout, Transport: transport}}
}

// Request is one SCIM request.
type Request struct {
	// Method of HTTP.
	Method string
	// Path below the base URL, with its query.
	Path string
	// Body is sent as JSON unless it is nil.
	Body any
	// IfMatch and IfNoneMatch are sent unless they are empty.
	IfMatch, IfNoneMatch string
}

// Response is the answer to a Request.
type Response struct {
	Status int
	Header http.Header
	// Raw is the body, Body the same if it is a JSON object.
	Raw  []byte
	Body Object
}

// ID is the id of the resource in the response.
func (r Response) ID() string {
	id, _ := r.Body["id"].(string)
	return id
}

// ScimType is that of a SCIM error.
func (r Response) ScimType() string {
	scimType, _ := r.Body["scimType"].(string)
	return scimType
}

// Resources are those of a list.
func (r Response) Resources() []Object {
	var resources []Object
	list, _ := r.Body["Resources"].([]any)
	for _, entry := range list {
		if resource, ok := entry.(Object); ok {
			resources = append(resources, resource)
		}
	}
	return resources
}

// String is for messages to people.
func (r Response) String() string { return fmt.Sprintf("%d %s", r.Status, bytes.TrimSpace(r.Raw)) }

// Do sends a request once. Every complete answer is a Response; an error means that there was none, or only a part.
func (c *Client) Do(ctx context.Context, r Request) (Response, error) {
	request, err := c.newRequest(ctx, r)
	if err != nil {
		return Response{}, fmt.Errorf("send %s: %w", r.Method, err)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return Response{}, err
	}
	raw, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return Response{}, fmt.Errorf("read the answer to %s: %w", r.Method, err)
	}
	response := Response{Status: answer.StatusCode, Header: answer.Header, Raw: raw}
	_ = json.Unmarshal(raw, &response.Body) // what is no object leaves Body empty
	return response, nil
}

func (c *Client) newRequest(ctx context.Context, r Request) (*http.Request, error) {
	var body io.Reader = http.NoBody
	if r.Body != nil {
		encoded, err := json.Marshal(r.Body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, c.base+r.Path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/scim+json")
	if r.Body != nil {
		request.Header.Set("Content-Type", "application/scim+json; charset=utf-8")
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	for name, tag := range map[string]string{"If-Match": r.IfMatch, "If-None-Match": r.IfNoneMatch} {
		if tag != "" {
			request.Header.Set(name, tag)
		}
	}
	return request, nil
}

// Get reads a path.
func (c *Client) Get(ctx context.Context, path string) (Response, error) {
	return c.Do(ctx, Request{Method: http.MethodGet, Path: path})
}

// Post creates a user.
func (c *Client) Post(ctx context.Context, user Object) (Response, error) {
	return c.Do(ctx, Request{Method: http.MethodPost, Path: "/Users", Body: user})
}

// Put replaces a user.
func (c *Client) Put(ctx context.Context, id string, user Object) (Response, error) {
	return c.Do(ctx, Request{Method: http.MethodPut, Path: UserPath(id), Body: user})
}

// Patch changes a user; patch is made by EntraPatch or OktaPatch.
func (c *Client) Patch(ctx context.Context, id string, patch Object) (Response, error) {
	return c.Do(ctx, Request{Method: http.MethodPatch, Path: UserPath(id), Body: patch})
}

// Delete removes a user.
func (c *Client) Delete(ctx context.Context, id string) (Response, error) {
	return c.Do(ctx, Request{Method: http.MethodDelete, Path: UserPath(id)})
}

// Find looks for a userName as Okta does.
func (c *Client) Find(ctx context.Context, userName string) (Response, error) {
	return c.Get(ctx, OktaFind(userName))
}

// UserPath is the path of a user.
func UserPath(id string) string { return "/Users/" + url.PathEscape(id) }
