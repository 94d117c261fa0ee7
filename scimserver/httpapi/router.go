// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/scim-operator/scim-operator/scimserver/auth"
	"github.com/scim-operator/scim-operator/scimserver/directory"
)

// handler answers an authenticated request for dir. It writes nothing.
type handler func(dir directory.Directory, r *http.Request) (reply, error)

// mounter is a group of routes that knows its own paths.
type mounter interface{ mount(rt *router) }

// router collects routes below the path of a directory, and answers what none of them does.
type router struct {
	mux     *http.ServeMux
	methods map[string]map[string]action // of each path, by method
	paths   []string
}

func newRouter(groups ...mounter) *router {
	rt := &router{mux: http.NewServeMux(), methods: map[string]map[string]action{}}
	for _, g := range groups {
		g.mount(rt)
	}
	for path := range rt.methods {
		rt.handleAll(path, rt.handlerOf(path))
	}
	rt.mux.Handle(noPath, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		respond(w, r, reply{}, errNoSuchPath())
	}))
	return rt
}

// ServeHTTP implements http.Handler.
func (rt *router) ServeHTTP(w http.ResponseWriter, r *http.Request) { rt.mux.ServeHTTP(w, r) }

// action is a handler, what it does as far as the switches of a directory care, and the scopes that it takes.
type action struct {
	operation operation
	scopes    []scope
	handler   handler
}

// serve calls the handler if the credential is for that and the switches of dir let it. A list asks again once its filter is known.
func (a action) serve(dir directory.Directory, r *http.Request) (reply, error) {
	if err := permit(r, a.scopes); err != nil {
		return reply{}, err
	}
	if _, err := decide(dir.Settings(), a.operation); err != nil {
		return reply{}, err
	}
	return a.handler(dir, r)
}

// handle mounts h, which no switch of a directory concerns, for credentials with all of scopes.
func (rt *router) handle(method, path string, h handler, scopes ...scope) {
	rt.mount(method, path, action{scopes: scopes, handler: h})
}

// guard mounts what the switches of a directory decide about.
func (rt *router) guard(method, path string, o operation, h handler) {
	rt.mount(method, path, action{operation: o, scopes: []scope{o.scope()}, handler: h})
}

// mount mounts a; one for GET answers HEAD too. Methods are no part of the patterns of the mux: /Users/.search would be neither
// more nor less specific than PUT /Users/{id}.
func (rt *router) mount(method, path string, a action) {
	if rt.methods[path] == nil {
		rt.methods[path] = map[string]action{}
	}
	rt.methods[path][method] = a
	if method == http.MethodGet {
		rt.methods[path][http.MethodHead] = rt.methods[path][method]
	}
}

// handlerOf answers at a path that handle has mounted, for whoever is authenticated. Bulk requests go through it too, so what
// decides about a request beyond who sent it must be in it.
func (rt *router) handlerOf(path string) handler { return byMethod(rt.methods[path]) }

// handleAll mounts h for every method.
func (rt *router) handleAll(path string, h handler) {
	rt.paths = append(rt.paths, path)
	rt.mux.Handle(directoryPath+path, route(path, h))
}

// route calls h for who was authenticated. It asks once more whether that is the directory of the path, so that a mistake
// in the order of the chain or in the reading of the path opens nothing.
func route(path string, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		exchangeOf(r).route = directoryPath + path
		id, ok := auth.FromContext(r.Context())
		if !ok || id.Directory.Namespace != r.PathValue("namespace") || id.Directory.Name != r.PathValue("directory") {
			respond(w, r, reply{}, &auth.Refusal{Presented: ok})
			return
		}
		rep, err := h(id.Directory, r)
		respond(w, r, rep, err)
	})
}

// byMethod calls the handler of the method. OPTIONS is asking for what a path answers to any other method.
func byMethod(methods map[string]action) handler {
	return func(dir directory.Directory, r *http.Request) (reply, error) {
		if a, ok := methods[r.Method]; ok {
			return a.serve(dir, r)
		}
		allow := allowed(methods, dir.Settings())
		if r.Method == http.MethodOptions {
			return reply{status: http.StatusNoContent, allow: allow}, nil
		}
		return reply{allow: allow}, errMethod()
	}
}

// allowed is the Allow header: what the directory has switched off is not allowed.
func allowed(methods map[string]action, p *directory.Profile) string {
	var names []string
	for _, method := range slices.Sorted(maps.Keys(methods)) {
		if takes(p, methods[method].operation) {
			names = append(names, method)
		}
	}
	return strings.Join(append(names, http.MethodOptions), ", ")
}
