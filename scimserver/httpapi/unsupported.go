// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"net/http"

	"github.com/scim-operator/scim-operator/scimserver/directory"
)

// unsupported is what RFC 7644 describes and this server does not do (§3.11): 501 for every method.
type unsupported struct{}

func (unsupported) mount(rt *router) {
	rt.handleAll("/Me", func(directory.Directory, *http.Request) (reply, error) {
		return reply{}, errNotImplemented("/Me")
	})
}
