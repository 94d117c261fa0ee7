// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/audit"
	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// attempt is a change that a client asked for, of which a record is to be made.
type attempt struct {
	operation audit.Operation
	kind, id  string
	changes   directory.Changes
}

// begin is a request for a change of what has that cleaned path, nil if it is none.
func begin(method, path string) *attempt {
	segments := strings.Split(strings.TrimPrefix(path, v1alpha1.BasePath), "/")
	if !strings.HasPrefix(path, v1alpha1.BasePath) || len(segments) < 3 || len(segments) > 4 {
		return nil
	}
	kind := map[string]string{"Users": "User", "Groups": "Group"}[segments[2]]
	switch {
	case len(segments) == 3 && method == http.MethodPost && segments[2] == "Bulk":
		return &attempt{operation: audit.Bulk}
	case kind == "":
		return nil
	case len(segments) == 3 && method == http.MethodPost:
		return &attempt{operation: audit.Create, kind: kind}
	case len(segments) == 3:
		return nil
	}
	if segments[3] == searchPath[1:] {
		return nil
	}
	operation, changes := map[string]audit.Operation{
		http.MethodPut: audit.Replace, http.MethodPatch: audit.Patch, http.MethodDelete: audit.Delete,
	}[method]
	if !changes {
		return nil
	}
	return &attempt{operation: operation, kind: kind, id: ownID(segments[3])}
}

// ownID is id if we may have given it. Anything else in a path may be a name or an e-mail address.
func ownID(id string) string {
	if len(id) != 36 || uuid.Validate(id) != nil || strings.ToLower(id) != id {
		return ""
	}
	return id
}

// record keeps a record of every change that somebody asks for who is authenticated, whoever refuses it further on: it comes right
// behind authenticate. It also tells the stores whose changes they are.
func (s *server) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r)
		ctx := directory.WithOrigin(r.Context(), directory.Origin{RequestID: x.requestID, TokenKeyID: x.identity.TokenKeyID})
		if a := begin(r.Method, r.URL.Path); a != nil && s.Audit != nil {
			ctx = directory.WithChanges(ctx, &a.changes)
			x.settle = func(status int) { s.settle(x, a, status, x.err) }
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// settle makes the record of an attempt that came to an end. That of a whole Bulk request says nothing unless it was refused: its
// operations have their own.
func (s *server) settle(x *exchange, a *attempt, status int, err error) {
	if a.operation == audit.Bulk && status < http.StatusBadRequest || x.hushed != loud {
		return // of many refusals of one kind, the first of a while is enough
	}
	id, attributes, added, removed := a.changes.Noted()
	rec := audit.Record{
		Time: s.Now(), Namespace: x.identity.Directory.Namespace, Directory: x.identity.Directory.Name,
		TokenKeyID: x.identity.TokenKeyID, RequestID: x.requestID, Source: x.source,
		Operation: a.operation, Kind: a.kind, ID: a.id,
		Attributes: attributes, MembersAdded: added, MembersRemoved: removed, Status: status,
	}
	if rec.ID == "" {
		rec.ID = id
	}
	if err != nil {
		rec.SCIMType = string(toldOf(err).Type)
	}
	s.Audit(rec)
}

// recorded carries out one operation of a Bulk request and keeps a record of it.
func (s *server) recorded(r *http.Request, call scim.BulkCall, do func(*http.Request) (reply, error)) (reply, error) {
	a := begin(call.Method, pathOf(r, call))
	if a == nil || s.Audit == nil {
		return do(r)
	}
	rep, err := do(r.WithContext(directory.WithChanges(r.Context(), &a.changes)))
	status := rep.status
	if err != nil {
		status = toldOf(err).Status
	}
	s.settle(exchangeOf(r), a, status, err)
	return rep, err
}

// recordUncalled keeps records of the operations of a Bulk request that nobody carries out, since they can never be right.
func (s *server) recordUncalled(r *http.Request, results []scim.BulkResult) {
	for _, result := range results {
		if result.Uncalled == nil || s.Audit == nil {
			continue
		}
		if a := begin(result.Uncalled.Method, pathOf(r, *result.Uncalled)); a != nil {
			s.settle(exchangeOf(r), a, result.Err.Status, result.Err)
		}
	}
}
