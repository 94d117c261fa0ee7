// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/scim-operator/scim-operator/scimserver/httpapi"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

func TestLimitsAreThoseOfTheCode(t *testing.T) {
	const path = "docs/protocol.md"
	text := pages(t)[path].prose
	body, server := scim.DefaultLimits(), httpapi.DefaultLimits()
	for what, value := range map[string]any{
		"bytes of a body": server.BodyBytes,
		"bytes of a body at `/Groups` and `/Groups/{id}`":                      server.GroupBytes,
		"requests under way in one process":                                    server.InFlight,
		"of these, of one credential":                                          server.InFlight / 2,
		"bytes of all bodies in memory, beyond the first 65536 of each":        server.BodyMemory,
		"seconds of one request":                                               server.Request.Seconds(),
		"levels of nesting in a body":                                          body.Depth,
		"bytes of one string":                                                  body.StringBytes,
		"bytes of one certificate in base64":                                   body.BinaryBytes,
		"values of one attribute":                                              body.Elements,
		"members of one POST or PUT":                                           body.Members,
		"members in all operations of one PATCH":                               body.PatchMembers,
		"operations of one PATCH that select members by more than their value": body.PatchMemberFilters,
		"bytes of a filter in `.search`":                                       body.SearchFilterBytes,
		"bytes of a displayName of a group, as sent and as normalised":         body.DisplayNameBytes,
		"operations of one PATCH":                                              body.PatchOperations,
		"bytes of a filter or path":                                            body.FilterBytes,
		"bytes of a userName":                                                  body.UserNameBytes,
		"operations of one bulk request":                                       body.BulkOperations,
		"bytes of one attribute as JSON text":                                  body.JSONTextBytes,
		"unknown attributes of one user or group, where they are kept":         body.UnknownAttributes,
		"bytes of a cursor":                                                    body.CursorBytes,
	} {
		if row := fmt.Sprintf("| %s | %v |", what, value); !strings.Contains(text, row) {
			t.Errorf("%s has no row %s", path, row)
		}
	}
}

// TestEveryRuleIsExplained: what a metric names, people look up.
func TestEveryRuleIsExplained(t *testing.T) {
	const path = "docs/protocol.md"
	text := pages(t)[path].prose
	for _, rule := range scim.Rules() {
		if !strings.Contains(text, "`"+string(rule)+"`") {
			t.Errorf("%s does not explain the rule %s", path, rule)
		}
	}
}
