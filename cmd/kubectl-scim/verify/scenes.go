// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// manyMembers make a body of 4 MiB: as large as a full push of a large group, and larger than what most proxies take by default.
const manyMembers = 80_000

// proxy asks for what goes wrong only on the way. Without the first answers, nothing else would be worth asking.
func (p *play) proxy(ctx context.Context) bool {
	p.provider = "Proxy"
	if !p.ask(ctx, exchange{check: "the URL leads to the directory, and the credential arrives", request: get("/ServiceProviderConfig"), want: http.StatusOK}) {
		return false
	}
	p.askAs(ctx, p.stranger, exchange{check: "who has no credential is refused by scim-server itself", request: get("/Users"), want: http.StatusUnauthorized, and: challenges})
	p.ask(ctx, exchange{check: "errors arrive as they are", request: get("/Users/" + uuid.NewString()), want: http.StatusNotFound})
	p.ask(ctx, exchange{check: "a body of 4 MiB arrives", request: post("/Groups", large()), want: http.StatusBadRequest})
	p.versions(ctx)
	return true
}

// versions looks for what carries optimistic locks, at links, and at what is easily decoded twice.
func (p *play) versions(ctx context.Context) {
	odd := somebody(p.provider)
	odd.UserName = "o'neil+a b%41ü" + odd.UserName
	p.ask(ctx, exchange{check: "POST, and links lead back here", request: post("/Users", idp.OktaUser(odd)), want: http.StatusCreated, and: p.linksBack})
	if p.user == "" {
		return
	}
	p.ask(ctx, exchange{check: "spaces, plus signs, percent signs and umlauts in a filter arrive", request: get(idp.OktaFind(odd.UserName)), want: http.StatusOK, and: one})
	path := idp.UserPath(p.user)
	p.ask(ctx, exchange{check: "entity tags arrive", request: get(path), want: http.StatusOK, and: tagged})
	p.ask(ctx, exchange{check: "If-Match arrives", request: idp.Request{Method: http.MethodPatch, Path: path, Body: idp.OktaPatch(true), IfMatch: `W/"999"`}, want: http.StatusPreconditionFailed})
	p.ask(ctx, exchange{check: "If-None-Match arrives", request: idp.Request{Method: http.MethodGet, Path: path, IfNoneMatch: `W/"1"`}, want: http.StatusNotModified})
	p.ask(ctx, exchange{check: "DELETE", request: remove(path), want: http.StatusNoContent})
	p.ask(ctx, exchange{check: "what is deleted is gone at once", request: get(path), want: http.StatusNotFound})
}

// okta is an application of its catalogue: connection test, assignment, profile, deactivation, restoration, a pushed group.
func (p *play) okta(ctx context.Context) bool {
	p.provider = "Okta"
	who, group := somebody(p.provider), "verify-"+uuid.NewString()
	changed, gone := who, idp.OktaUser(who)
	changed.FamilyName, gone["active"] = "Changed", false
	return p.all(ctx,
		exchange{check: "test of the connection", request: get(idp.OktaTest), want: http.StatusOK},
		exchange{check: "look for a user", request: get(idp.OktaFind(who.UserName)), want: http.StatusOK, and: empty},
		exchange{check: "create", request: post("/Users", idp.OktaUser(who)), want: http.StatusCreated},
		exchange{check: "find what was created", request: get(idp.OktaFind(who.UserName)), want: http.StatusOK, and: one},
	) && p.all(ctx,
		exchange{check: "PUT a profile", request: put(idp.UserPath(p.user), idp.OktaUser(changed)), want: http.StatusOK, and: active(true)},
		exchange{check: "deactivate by PUT", request: put(idp.UserPath(p.user), gone), want: http.StatusOK, and: active(false)},
		exchange{check: "reactivate by PATCH", request: patch(idp.UserPath(p.user), idp.OktaPatch(true)), want: http.StatusOK, and: active(true)},
		exchange{check: "look for a group", request: get(idp.OktaFindGroup(group)), want: http.StatusOK, and: empty},
		exchange{check: "push a group", request: post("/Groups", idp.Group(group)), want: http.StatusCreated},
	) && p.all(ctx,
		exchange{check: "add a member", request: patch(idp.GroupPath(p.group), idp.Patch(idp.OktaRename(p.group, group), idp.OktaAdd(p.user, who.UserName))), want: http.StatusNoContent},
		exchange{check: "remove a member", request: patch(idp.GroupPath(p.group), idp.Patch(idp.RemoveSelected(p.user))), want: http.StatusNoContent},
		exchange{check: "delete the group", request: remove(idp.GroupPath(p.group)), want: http.StatusNoContent},
	)
}

// entra is a non-gallery application: PATCH in its own dialect, groups without members in answers, DELETE.
func (p *play) entra(ctx context.Context) bool {
	p.provider = "Entra ID"
	who, group := somebody(p.provider), "verify-"+uuid.NewString()
	return p.all(ctx,
		exchange{check: "test of the connection", request: get(idp.EntraTest(uuid.NewString())), want: http.StatusOK, and: empty},
		exchange{check: "create", request: post("/Users", idp.EntraUser(who)), want: http.StatusCreated},
	) && p.all(ctx,
		exchange{check: "PATCH a profile", request: patch(idp.UserPath(p.user), idp.EntraPatch("name.familyName", "Changed")), want: http.StatusOK},
		exchange{check: "deactivate by PATCH, with a string", request: patch(idp.UserPath(p.user), idp.EntraPatch("active", false)), want: http.StatusOK, and: active(false)},
		exchange{check: "reactivate", request: patch(idp.UserPath(p.user), idp.EntraPatch("active", true)), want: http.StatusOK, and: active(true)},
		exchange{check: "look for a group", request: get(idp.EntraFindGroup(group)), want: http.StatusOK, and: empty},
		exchange{check: "create a group", request: post("/Groups", idp.EntraGroup(group, uuid.NewString())), want: http.StatusCreated},
	) && p.all(ctx,
		exchange{check: "add a member", request: patch(idp.GroupPath(p.group), idp.Patch(idp.EntraAdd(p.user))), want: http.StatusNoContent},
		exchange{check: "remove a member", request: patch(idp.GroupPath(p.group), idp.Patch(idp.EntraRemove(p.user))), want: http.StatusNoContent},
		exchange{check: "delete the group", request: remove(idp.GroupPath(p.group)), want: http.StatusNoContent},
		exchange{check: "delete the user", request: remove(idp.UserPath(p.user)), want: http.StatusNoContent},
	)
}

// oneLogin sends what its templates make.
func (p *play) oneLogin(ctx context.Context) bool {
	p.provider = "OneLogin"
	who := somebody(p.provider)
	return p.all(ctx,
		exchange{check: "test of the connection", request: get(idp.EntraFind(uuid.NewString())), want: http.StatusOK, and: empty},
		exchange{check: "create", request: post("/Users", idp.OneLoginUser(who)), want: http.StatusCreated, and: active(true)},
	) && p.all(ctx,
		exchange{check: "PUT a profile", request: put(idp.UserPath(p.user), idp.OneLoginUser(who)), want: http.StatusOK, and: active(true)},
		exchange{check: "suspend", request: patch(idp.UserPath(p.user), idp.OktaPatch(false)), want: http.StatusOK, and: active(false)},
		exchange{check: "refresh entitlements", request: get("/Groups"), want: http.StatusOK},
		exchange{check: "delete the user", request: remove(idp.UserPath(p.user)), want: http.StatusNoContent},
	)
}

// large is a group of people whom there are not.
func large() idp.Object {
	members := make([]string, manyMembers)
	for i := range members {
		members[i] = "00000000-0000-4000-8000-000000000000"
	}
	return idp.Group("verify-"+uuid.NewString(), members...)
}

func challenges(answer idp.Response) string {
	if !strings.Contains(answer.Header.Get("Www-Authenticate"), `realm="scim"`) {
		return "the header WWW-Authenticate is dropped or replaced"
	}
	return ""
}

func tagged(answer idp.Response) string {
	if answer.Header.Get("Etag") != `W/"1"` {
		return "the header ETag is dropped or changed: clients cannot lock what they change"
	}
	return ""
}

func (p *play) linksBack(answer idp.Response) string {
	if location := answer.Header.Get("Location"); !strings.HasPrefix(location, p.base+"/Users/") {
		return "the header Location does not begin with this URL: spec.publicURL of the directories, or publicURL of the chart, is another one, or a proxy rewrites it"
	}
	return ""
}
