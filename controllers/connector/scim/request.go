// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

const (
	usersPath  = "/Users"
	groupsPath = "/Groups"
	patchURN   = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

	// wrongWait is when to ask something again that does not answer as SCIM does: people have to change that.
	wrongWait = time.Minute
	// soon is when to try again what somebody else was faster at.
	soon = time.Second
)

// errStale says that what was read is not what is there any more. Whoever gets it reads again.
var errStale = errors.New("changed meanwhile")

// call is one request.
type call struct {
	what, method, path string
	query              url.Values
	body               any
	// version, if not empty, is what must be there still.
	version string
}

// send sends a request and returns the answer, whatever its status.
func (c *Connector) send(ctx context.Context, r call) (outbound.Response, error) {
	request := outbound.Request{
		What: r.what, Method: r.method, Path: r.path, Query: r.query, Header: http.Header{},
		ContentType: scim.MediaType, Accept: scim.MediaType + ", application/json;q=0.9",
	}
	if r.body != nil {
		body, err := json.Marshal(r.body)
		if err != nil {
			return outbound.Response{}, connector.Invalidf("%s: the account cannot be written as JSON", r.what).Because(err)
		}
		request.Body = body
	}
	if r.version != "" {
		request.Header.Set("If-Match", r.version)
	}
	return c.http.Do(ctx, request)
}

func notSCIM(what string) *connector.Error {
	return connector.Unavailablef(wrongWait, "%s: the application answers with something that is not SCIM; check the url", what)
}

// itemPath is the address of one resource.
func itemPath(collection, id string) (string, error) {
	segment, err := outbound.Segment(id)
	return collection + "/" + segment, err
}

// fetch reads one resource, nil if there is none.
func (c *Connector) fetch(ctx context.Context, what, collection, id string) (resource, string, error) {
	path, err := itemPath(collection, id)
	if err != nil {
		return nil, "", err
	}
	answer, err := c.send(ctx, call{what: what, method: http.MethodGet, path: path})
	switch {
	case err != nil:
		return nil, "", err
	case answer.Status == http.StatusNotFound || answer.Status == http.StatusGone:
		return nil, "", nil
	}
	if err := answer.Err(what); err != nil {
		return nil, "", err
	}
	return c.read(ctx, what, answer, id)
}

// read returns the resource of an answer and its version. id is which one it must be; empty if that is not known yet. An answer that says that
// all went well and is another resource, or none, is an error.
func (c *Connector) read(ctx context.Context, what string, answer outbound.Response, id string) (resource, string, error) {
	r, ok := decode(answer.Body)
	if !ok || r.text(attrID) == "" || id != "" && r.text(attrID) != id {
		return nil, "", notSCIM(what)
	}
	known, err := c.discover(ctx)
	if err != nil || !known.etag {
		return r, "", err
	}
	return r, or(answer.Header.Get("ETag"), r.object(attrMeta).text("version")), nil
}

// fetchUser reads a user, nil if there is none.
func (c *Connector) fetchUser(ctx context.Context, id string) (*user, error) {
	r, version, err := c.fetch(ctx, "read the account", usersPath, id)
	if err != nil || r == nil {
		return nil, err
	}
	if r.text(attrUserName) == "" {
		return nil, notSCIM("read the account")
	}
	return &user{resource: r, id: id, version: version}, nil
}

// operation is one operation of a PATCH.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path,omitempty"`
	Value any    `json:"value,omitempty"`
}

func patchBody(operations ...operation) any {
	return map[string]any{attrSchemas: []string{patchURN}, "Operations": operations}
}

// errNoPatch says that the application does not know PATCH.
var errNoPatch = errors.New("no PATCH")

// patch changes a resource. It asks for the whole answer: SCIMMY takes what is excluded from the answer away from the resource too.
func (c *Connector) patch(ctx context.Context, what, collection, id, version string, operations ...operation) (outbound.Response, error) {
	known, err := c.discover(ctx)
	if err != nil {
		return outbound.Response{}, err
	}
	if known.patch.isNo() || c.learned.noPatch.Load() {
		return outbound.Response{}, errNoPatch
	}
	path, err := itemPath(collection, id)
	if err != nil {
		return outbound.Response{}, err
	}
	answer, err := c.send(ctx, call{what: what, method: http.MethodPatch, path: path, version: version, body: patchBody(operations...)})
	if err != nil || !slices.Contains([]int{http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusNotFound}, answer.Status) {
		return answer, err
	}
	if answer.Status == http.StatusNotFound {
		// A router that has no such method says the same as one that has no such resource.
		there, _, err := c.fetch(ctx, what, collection, id)
		if err != nil || there == nil || known.patch.isYes() {
			return answer, err
		}
	}
	c.learned.noPatch.Store(true)
	return outbound.Response{}, errNoPatch
}

// replace writes a whole resource.
func (c *Connector) replace(ctx context.Context, what, collection, id, version string, r resource) (outbound.Response, error) {
	path, err := itemPath(collection, id)
	if err != nil {
		return outbound.Response{}, err
	}
	body := r.clone()
	// What is the application's own is left out, so that one which takes it seriously does not refuse it.
	delete(body, body.key(attrMeta))
	delete(body, body.key(attrGroups))
	return c.send(ctx, call{what: what, method: http.MethodPut, path: path, version: version, body: body})
}

// outcome says what the answer to a change means: errStale if somebody else was faster.
func outcome(what string, answer outbound.Response, err error) error {
	switch {
	case err != nil:
		return err
	case answer.Status == http.StatusPreconditionFailed || answer.Status == http.StatusNotFound || answer.Status == http.StatusGone:
		return errStale
	}
	return answer.Err(what)
}

// settled asks until the answer is yes, for as long as an application may take to see what it has just been told. It is not an error if it
// never is.
func settled(ctx context.Context, ask func() (bool, error)) (bool, error) {
	for wait := 20 * time.Millisecond; ; wait *= 2 {
		yes, err := ask()
		if yes || err != nil || wait > 700*time.Millisecond {
			return yes, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false, fmt.Errorf("wait: %w", ctx.Err())
		}
	}
}
