// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

const (
	// MarkPrefix is what our mark begins with: the comment of a role is it and the owner, or ends with them behind a space.
	MarkPrefix = "scim-operator.dev/owner="
	// maxName is how long a name can be, in bytes. PostgreSQL cuts longer ones in silence, and two people would have one role.
	maxName = 63
	// maxOwner bounds the mark.
	maxOwner = 512
	// maxValue bounds a setting.
	maxValue = 1024
)

// identifier quotes a name. The name has passed problemOfName, or comes from the server.
func identifier(name string) string { return pgx.Identifier{name}.Sanitize() }

// literal quotes a text where a statement takes no parameter, as PQescapeLiteral does: what has a backslash becomes an escape string, so that it means
// the same whatever standard_conforming_strings says.
func literal(text string) string {
	quoted := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	if strings.Contains(text, `\`) {
		return " E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}

// problemOfText says why a text cannot be sent, "" if it can.
func problemOfText(text string) string {
	switch {
	case !utf8.ValidString(text):
		return "is not UTF-8"
	case strings.ContainsFunc(text, unicode.IsControl):
		return "has control characters"
	}
	return ""
}

// problemOfName says why a name cannot be that of a role or database, "" if it can.
func problemOfName(name string) string {
	if problem := problemOfText(name); problem != "" {
		return problem
	}
	switch {
	case name == "":
		return "is empty"
	case len(name) > maxName:
		return fmt.Sprintf("is longer than %d bytes", maxName)
	}
	return ""
}

// checkUserName returns an error for a name that no account can have.
func checkUserName(name string) error {
	problem := problemOfName(name)
	reserved := []string{"public", "none", "user", "current_user", "current_role", "session_user"}
	switch {
	case problem != "":
	case strings.HasPrefix(strings.ToLower(name), "pg_"):
		problem = `begins with "pg_", which is reserved`
	case slices.Contains(reserved, strings.ToLower(name)):
		problem = "is reserved"
	default:
		return nil
	}
	return connector.Invalidf("the user name cannot be that of a role: it %s", problem)
}

// checkOwner returns an error for an owner that could not be read back out of a comment.
func checkOwner(owner string) error {
	if owner == "" || len(owner) > maxOwner || problemOfText(owner) != "" || strings.ContainsFunc(owner, unicode.IsSpace) {
		return connector.Invalidf("the owner cannot be a mark")
	}
	return nil
}

func mark(owner string) string { return MarkPrefix + owner }

// ownerOf reads the mark at the end of a comment, "" if there is none. What stands before it is somebody else's.
func ownerOf(comment string) string {
	last := comment[strings.LastIndex(comment, " ")+1:]
	owner, marked := strings.CutPrefix(last, MarkPrefix)
	if !marked || checkOwner(owner) != nil {
		return ""
	}
	return owner
}
