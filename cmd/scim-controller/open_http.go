// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/application"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/http"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
)

func openHTTP(dial outbound.DialFunc) application.Opener {
	return func(ctx context.Context, app *v1alpha1.ScimApplication, credential map[string][]byte) (connector.Connector, error) {
		spec := app.Spec.Connector.HTTP
		cfg := http.Config{
			Client: endpoint(&spec.Endpoint, credential, dial), Ownership: http.Ownership(spec.Ownership),
			Account: http.Mapping{
				ExternalID: string(spec.Account.ExternalID), UserName: string(spec.Account.UserName), Owner: string(spec.Account.Owner),
				Active: string(spec.Account.Active), Roles: string(spec.Account.Roles), Profile: texts(spec.Account.Profile),
			},
			Requests: httpRequests(spec.Requests), IdempotencyKeyHeader: spec.IdempotencyKeyHeader,
			Revocation: http.Revocation{
				Sessions: connector.RevocationState(spec.Revocation.Sessions), Tokens: connector.RevocationState(spec.Revocation.Tokens),
			},
		}
		for _, role := range spec.Roles {
			cfg.Roles = append(cfg.Roles, http.Role{Name: string(role.Name), Parameters: texts(role.Parameters)})
		}
		for _, find := range spec.Find {
			setFind(&cfg.Find, find.By, httpLookup(&find.HTTPLookup))
		}
		for _, detail := range spec.Details {
			cfg.Details = append(cfg.Details, http.Detail{Name: detail.Name, Lookup: *httpLookup(&detail.HTTPLookup)})
		}
		if spec.List != nil {
			cfg.List = httpLookup(spec.List)
		}
		return http.Open(ctx, cfg)
	}
}

func setFind(find *http.Find, by v1alpha1.HTTPFindBy, lookup *http.Lookup) {
	switch by {
	case v1alpha1.HTTPFindByExternalID:
		find.ExternalID = lookup
	case v1alpha1.HTTPFindByUserName:
		find.UserName = lookup
	case v1alpha1.HTTPFindByMark:
		find.Mark = lookup
	}
}

func httpRequests(changes []v1alpha1.HTTPChange) http.Requests {
	var all http.Requests
	fields := map[v1alpha1.HTTPVerb]**http.Request{
		v1alpha1.HTTPCreate: &all.Create, v1alpha1.HTTPUpdate: &all.Update, v1alpha1.HTTPRename: &all.Rename,
		v1alpha1.HTTPSuspend: &all.Suspend, v1alpha1.HTTPRestore: &all.Restore, v1alpha1.HTTPDelete: &all.Delete,
		v1alpha1.HTTPSetRoles: &all.SetRoles, v1alpha1.HTTPAddRole: &all.AddRole, v1alpha1.HTTPRemoveRole: &all.RemoveRole,
		v1alpha1.HTTPAdopt: &all.Adopt, v1alpha1.HTTPProbe: &all.Probe, v1alpha1.HTTPRevoke: &all.Revoke,
	}
	for _, change := range changes {
		if field, ok := fields[change.To]; ok {
			request := httpRequest(&change.HTTPRequest)
			*field = &request
		}
	}
	return all
}

func httpRequest(r *v1alpha1.HTTPRequest) http.Request {
	return http.Request{
		Method: string(r.Method), Path: r.Path, Query: texts(r.Query), Headers: texts(r.Headers), Body: string(r.Body),
		Encoding: http.Encoding(r.Encoding), Success: string(r.Success), NotFound: string(r.NotFound), Conflict: string(r.Conflict),
	}
}

func httpLookup(l *v1alpha1.HTTPLookup) *http.Lookup {
	lookup := &http.Lookup{Request: httpRequest(&l.HTTPRequest), Items: string(l.Items)}
	if paged := l.Pagination; paged != nil {
		lookup.Pagination = http.Pagination{Type: http.PaginationType(paged.Type), Size: int(paged.Size), First: 1, Next: string(paged.Next)}
		if paged.First != nil {
			lookup.Pagination.First = int(*paged.First)
		}
	}
	return lookup
}

// texts are the values of a map as strings.
func texts[S ~string](of map[string]S) map[string]string {
	all := make(map[string]string, len(of))
	for name, value := range of {
		all[name] = string(value)
	}
	return all
}
