// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/google/cel-go/cel"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
)

// core is what every connector of this package has. What it can do beside depends on the configuration: see capabilities.go.
type core struct {
	client     *outbound.Client
	base       *url.URL
	roles      []Role
	roleValues []any
	ownership  Ownership
	find       struct{ externalID, userName, mark *lookup }
	details    []detail
	mapping    mapping
	requests   requests
	list       *lookup
	revocation Revocation
	keyHeader  string

	locks    locks
	attempts attempts
}

type detail struct {
	name   string
	lookup *lookup
}

type requests struct {
	create, update, rename, suspend, restore, remove, setRoles, addRole, removeRole, adopt, probe, revoke *request
}

// Open returns a connector. It makes no request. An expression or a combination that cannot work is Invalid, and the error names the field.
func Open(_ context.Context, cfg Config) (connector.Connector, error) {
	c := &compiler{envs: map[stage]*cel.Env{}}
	opened := &core{
		roles: cfg.Roles, roleValues: roleValues(cfg.Roles), ownership: cfg.Ownership, revocation: cfg.Revocation, keyHeader: cfg.IdempotencyKeyHeader,
	}
	c.compileFind(opened, cfg)
	c.compileMapping(&opened.mapping, cfg.Account)
	c.compileRequests(&opened.requests, cfg.Requests)
	opened.list = c.lookup("list", "list the accounts", inLookup, cfg.List)
	c.check(cfg)
	if c.err != nil {
		return nil, c.err
	}
	client, err := outbound.Open(cfg.Client)
	if err != nil {
		return nil, err
	}
	opened.client = client
	if opened.base, err = url.Parse(cfg.Client.URL); err != nil { // which outbound.Open has parsed too
		return nil, connector.Invalidf("the url cannot be used").Because(err)
	}
	return opened.capable(), nil
}

// Close implements io.Closer.
func (c *core) Close() error { return c.client.Close() }

func (c *compiler) compileFind(opened *core, cfg Config) {
	opened.find.externalID = c.lookup("find[ExternalID]", "find the account by its externalID", inLookup, cfg.Find.ExternalID)
	opened.find.userName = c.lookup("find[UserName]", "find the account by its userName", inLookup, cfg.Find.UserName)
	opened.find.mark = c.lookup("find[Mark]", "find the account by its mark", inLookup, cfg.Find.Mark)
	for _, d := range cfg.Details {
		field := "details[" + d.Name + "]"
		opened.details = append(opened.details, detail{d.Name, c.lookup(field, "read "+d.Name+" of the account", inDetail, &d.Lookup)})
	}
}

func (c *compiler) compileMapping(m *mapping, cfg Mapping) {
	m.externalID = c.expression("account.externalID", inIdentity, cfg.ExternalID, anyText())
	m.userName = c.expression("account.userName", inIdentity, cfg.UserName, anyText())
	m.owner = c.optional("account.owner", inIdentity, cfg.Owner, anyText())
	m.active = c.expression("account.active", inIdentity, cfg.Active, aBool())
	m.roles = c.expression("account.roles", inMapping, cfg.Roles, names())
	m.profile = c.named("account.profile", inMapping, cfg.Profile)
}

func (c *compiler) compileRequests(to *requests, cfg Requests) {
	for _, r := range []struct {
		to          **request
		field, what string
		stage       stage
		from        *Request
	}{
		{&to.create, "requests[Create]", "create the account", inChange, cfg.Create},
		{&to.update, "requests[Update]", "update the account", inChange, cfg.Update},
		{&to.rename, "requests[Rename]", "rename the account", inChange, cfg.Rename},
		{&to.suspend, "requests[Suspend]", "suspend the account", inSuspension, cfg.Suspend},
		{&to.restore, "requests[Restore]", "restore the account", inChange, cfg.Restore},
		{&to.remove, "requests[Delete]", "delete the account", inSuspension, cfg.Delete},
		{&to.setRoles, "requests[SetRoles]", "set the roles of the account", inChange, cfg.SetRoles},
		{&to.addRole, "requests[AddRole]", "add a role to the account", inRoleChange, cfg.AddRole},
		{&to.removeRole, "requests[RemoveRole]", "remove a role from the account", inRoleChange, cfg.RemoveRole},
		{&to.adopt, "requests[Adopt]", "adopt the account", inChange, cfg.Adopt},
		{&to.probe, "requests[Probe]", "probe the application", inLookup, cfg.Probe},
		{&to.revoke, "requests[Revoke]", "revoke what the account has opened", inSuspension, cfg.Revoke},
	} {
		*r.to = c.request(r.field, r.what, r.stage, r.from)
		if r.from != nil {
			c.checkMethod(r.field, r.from.Method, r.from == cfg.Probe)
		}
	}
}

func (c *compiler) checkMethod(field, method string, reads bool) {
	allowed := []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	if reads {
		allowed = []string{http.MethodGet, http.MethodPost}
	}
	if !slices.Contains(allowed, method) {
		c.fail(field+".method", "the method must be one of %v", allowed)
	}
}

// check refuses what is missing and what does not fit together.
func (c *compiler) check(cfg Config) {
	for field, missing := range map[string]bool{
		"find[UserName]": cfg.Find.UserName == nil, "requests[Create]": cfg.Requests.Create == nil, "requests[Suspend]": cfg.Requests.Suspend == nil,
		"requests[Delete]": cfg.Requests.Delete == nil, "requests[Probe]": cfg.Requests.Probe == nil,
		"requests[Update]": cfg.Requests.Update == nil && len(cfg.Account.Profile) > 0,
	} {
		if missing {
			c.fail(field, "it is missing")
		}
	}
	byMark := cfg.Ownership == OwnershipMark || cfg.Ownership == ""
	if byMark != (cfg.Account.Owner != "") {
		c.fail("account.owner", "it must be set with ownership Mark, and only then")
	}
	if !byMark && (cfg.Find.ExternalID == nil || cfg.Find.Mark != nil || cfg.List != nil) {
		c.fail("ownership", "ExternalID needs a find by ExternalID, and can have neither a find by Mark nor a list")
	}
	single := cfg.Requests.AddRole != nil
	if single != (cfg.Requests.RemoveRole != nil) || single && cfg.Requests.SetRoles != nil {
		c.fail("requests", "there must be either AddRole and RemoveRole, or SetRoles, or none of them")
	}
	c.checkLookups(cfg)
}

func (c *compiler) checkLookups(cfg Config) {
	all := map[string]*Lookup{"find[ExternalID]": cfg.Find.ExternalID, "find[UserName]": cfg.Find.UserName, "find[Mark]": cfg.Find.Mark, "list": cfg.List}
	for _, d := range cfg.Details {
		all["details["+d.Name+"]"] = &d.Lookup
	}
	for _, field := range slices.Sorted(maps.Keys(all)) {
		if all[field] != nil {
			c.checkMethod(field, all[field].Method, true)
		}
	}
}

// roleValues are the variable roles.
func roleValues(roles []Role) []any {
	all := make([]any, len(roles))
	for i, r := range roles {
		parameters := map[string]any{}
		for name, value := range r.Parameters {
			parameters[name] = value
		}
		all[i] = map[string]any{"name": r.Name, "parameters": parameters}
	}
	return all
}
