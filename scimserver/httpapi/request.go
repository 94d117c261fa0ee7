// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// decodeBody reads the whole body as one JSON object.
func decodeBody(r *http.Request) (map[string]any, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, bodyError(err)
	}
	return scim.Decode(body)
}

func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	var timeout net.Error
	var refused *scim.Error
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.As(err, &tooLarge):
		return errTooLarge(tooLarge.Limit)
	case errors.As(err, &timeout) && timeout.Timeout():
		return scim.Errorf(http.StatusRequestTimeout, "", "the body did not arrive in time")
	default:
		return scim.Errorf(http.StatusBadRequest, scim.ErrorInvalidSyntax, "the body ended before its end")
	}
}

// queryOf returns the query parameters. url.URL.Query would drop what it cannot decode, and a list without its filter is
// everybody: that is 400 here. A raw semicolon is data, as browsers have it.
func queryOf(r *http.Request) (url.Values, error) {
	values, err := url.ParseQuery(strings.ReplaceAll(r.URL.RawQuery, ";", "%3B"))
	if err != nil {
		return nil, scim.Errorf(http.StatusBadRequest, scim.ErrorInvalidValue, "the query is not well encoded")
	}
	return values, nil
}

// matchesETag says whether an If-None-Match header names the version. Tags compare weakly (RFC 9110 §13.1.2); a header that
// is not one names nothing, which only costs the client a body.
func matchesETag(header http.Header, version string) bool {
	want := strings.TrimPrefix(version, "W/")
	for _, value := range header.Values("If-None-Match") {
		for tag := range strings.SplitSeq(value, ",") {
			tag = strings.TrimSpace(tag)
			if tag == "*" || strings.TrimPrefix(tag, "W/") == want {
				return true
			}
		}
	}
	return false
}
