// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// Precondition is what an If-Match header demands. The zero value demands nothing.
type Precondition struct {
	demanded bool
	any      bool
	tags     []string
}

// ParseIfMatch reads an If-Match header: empty, "*" or a list of entity tags. Tags compare weakly, since SCIM uses weak tags
// in If-Match where HTTP asks for strong ones (RFC 7644 §3.14). Anything else is a 400 invalidSyntax.
func ParseIfMatch(header string) (Precondition, error) {
	header = strings.TrimSpace(header)
	if header == "" {
		return Precondition{}, nil
	}
	if header == "*" {
		return Precondition{demanded: true, any: true}, nil
	}
	p := Precondition{demanded: true}
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"' {
			return Precondition{}, scim.Errorf(http.StatusBadRequest, scim.ErrorInvalidSyntax, "If-Match must be * or a list of quoted entity tags")
		}
		p.tags = append(p.tags, tag)
	}
	return p, nil
}

// check returns 412 when the stored generation is not one that the client demanded.
func (p Precondition) check(generation int64) error {
	if !p.demanded || p.any {
		return nil
	}
	for _, tag := range p.tags {
		if tag == quoted(generation) {
			return nil
		}
	}
	return scim.Errorf(http.StatusPreconditionFailed, "", "the resource has changed since the version in If-Match; read it again")
}

func quoted(generation int64) string { return `"` + strconv.FormatInt(generation, 10) + `"` }

func version(generation int64) string { return "W/" + quoted(generation) }
