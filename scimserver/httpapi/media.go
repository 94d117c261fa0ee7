// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"net/http"
	"strings"

	"github.com/scim-operator/scim-operator/scimserver/scim"
)

const mediaTypeJSON = "application/json"

// isJSON says whether the request declares a body that we read: one media type, any parameters, not compressed. Bodies are
// UTF-8 whatever the charset parameter says (RFC 7644 §3.8); the decoder refuses others.
func isJSON(header http.Header) bool {
	types := header.Values("Content-Type")
	if len(types) != 1 || header.Get("Content-Encoding") != "" {
		return false
	}
	name := mediaType(types[0])
	return name == scim.MediaType || name == mediaTypeJSON
}

// answerType is application/scim+json, unless the client names application/json and not scim+json: OneLogin wants that.
func answerType(header http.Header) string {
	plain := false
	for _, value := range header.Values("Accept") {
		for accepted := range strings.SplitSeq(value, ",") {
			switch mediaType(accepted) {
			case scim.MediaType:
				return scim.MediaType
			case mediaTypeJSON:
				plain = true
			}
		}
	}
	if plain {
		return mediaTypeJSON
	}
	return scim.MediaType
}

// mediaType is the media type without its parameters, in lower case.
func mediaType(value string) string {
	name, _, _ := strings.Cut(value, ";")
	return strings.ToLower(strings.TrimSpace(name))
}
