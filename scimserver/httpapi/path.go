// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/auth"
)

const (
	directoryPath = v1alpha1.BasePath + "{namespace}/{directory}"
	// noPath matches no route. It stands for every path that we do not want to understand.
	noPath = "/"
)

// cleanPath makes one path out of those that clients send for the same thing: base URLs are pasted with a trailing slash and
// joined with another. It does so in place, since clients follow no redirect with a POST. Authentication and routing see the
// same cleaned path, so there is no second reading of it to slip through.
func cleanPath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cleaned, target := *r, *r.URL
		target.Path, target.RawPath, target.Host = clean(r.URL.EscapedPath()), "", ""
		cleaned.URL, cleaned.RequestURI = &target, ""
		next.ServeHTTP(w, &cleaned)
	})
}

// clean returns the decoded path without empty segments. A path with "." or ".." or an encoded slash has no meaning here
// that all proxies in front of us would share: it becomes noPath.
func clean(escaped string) string {
	var path strings.Builder
	for segment := range strings.SplitSeq(escaped, "/") {
		decoded, err := url.PathUnescape(segment)
		if err != nil || decoded == "." || decoded == ".." || strings.Contains(decoded, "/") {
			return noPath
		}
		if decoded != "" {
			path.WriteString("/" + decoded)
		}
	}
	if path.Len() == 0 {
		return noPath
	}
	return path.String()
}

// scopeOf returns the directory that a cleaned path addresses, the zero Scope if it addresses none.
func scopeOf(path string) auth.Scope {
	below, found := strings.CutPrefix(path, v1alpha1.BasePath)
	if !found {
		return auth.Scope{}
	}
	namespace, rest, found := strings.Cut(below, "/")
	if !found {
		return auth.Scope{}
	}
	name, _, _ := strings.Cut(rest, "/")
	return auth.Scope{Namespace: namespace, Directory: name}
}

// takesGroup says whether a cleaned path takes groups, whose members make a body long.
func takesGroup(path string) bool {
	segments := strings.Split(strings.TrimPrefix(path, v1alpha1.BasePath), "/")
	return len(segments) > 2 && segments[2] == "Groups" && !strings.HasSuffix(path, searchPath)
}
