// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
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
	methods map[string][]string // of each path, without those that take every method
	paths   []string
}

func newRouter(groups ...mounter) *router {
	rt := &router{mux: http.NewServeMux(), methods: map[string][]string{}}
	for _, g := range groups {
		g.mount(rt)
	}
	for path, methods := range rt.methods {
		rt.handleAll(path, otherMethod(methods))
	}
	rt.mux.Handle(noPath, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		respond(w, r, reply{}, errNoSuchPath())
	}))
	return rt
}

// ServeHTTP implements http.Handler.
func (rt *router) ServeHTTP(w http.ResponseWriter, r *http.Request) { rt.mux.ServeHTTP(w, r) }

// handle mounts h; one for GET answers HEAD too.
func (rt *router) handle(method, path string, h handler) {
	rt.methods[path] = append(rt.methods[path], method)
	if method == http.MethodGet {
		rt.methods[path] = append(rt.methods[path], http.MethodHead)
	}
	rt.mux.Handle(method+" "+directoryPath+path, route(path, h))
}

// handleAll mounts h for every method that handle did not mount.
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

// otherMethod answers what a path does not take. OPTIONS is asking for just that answer.
func otherMethod(methods []string) handler {
	allow := strings.Join(append(slices.Sorted(slices.Values(methods)), http.MethodOptions), ", ")
	return func(_ directory.Directory, r *http.Request) (reply, error) {
		if r.Method == http.MethodOptions {
			return reply{status: http.StatusNoContent, allow: allow}, nil
		}
		return reply{allow: allow}, errMethod()
	}
}
