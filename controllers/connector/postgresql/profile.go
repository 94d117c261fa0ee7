// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// Attributes that an account can have. Those of settings are settingPrefix and the name of the setting.
const (
	attributeValidUntil      = "validUntil"
	attributeConnectionLimit = "connectionLimit"
	settingPrefix            = "setting."
)

// safeSettings are the settings of the server itself that an account may be given: what people choose for their sessions, and nothing that loads code or
// changes who they are. Settings of extensions and applications, which have a dot in their name, are allowed beside them.
func safeSettings() []string {
	return []string{
		"application_name", "DateStyle", "IntervalStyle", "TimeZone", searchPath, "work_mem", "maintenance_work_mem",
		"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout", "transaction_timeout",
		"default_transaction_isolation", "default_transaction_read_only", "max_parallel_workers_per_gather", "extra_float_digits",
	}
}

// searchPath is the one of them that is a list of names.
const searchPath = "search_path"

// Keeps implements connector.Profiled.
func (c *Connector) Keeps(attribute string) bool {
	if attribute == attributeValidUntil || attribute == attributeConnectionLimit {
		return true
	}
	name, isSetting := strings.CutPrefix(attribute, settingPrefix)
	return isSetting && keepsSetting(name)
}

func keepsSetting(name string) bool {
	return slices.ContainsFunc(safeSettings(), func(safe string) bool { return strings.EqualFold(safe, name) }) || isCustomSetting(name)
}

// isCustomSetting reports whether that is two or more words with dots between them.
func isCustomSetting(name string) bool {
	words := strings.Split(name, ".")
	return len(words) > 1 && len(name) <= maxName && !slices.ContainsFunc(words, func(word string) bool { return !isWord(word) })
}

func isWord(word string) bool {
	for i, r := range word {
		isLetter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !isLetter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return word != ""
}

// profileOf returns the attributes of a role, in the form in which they are wanted where that means the same.
func profileOf(r serverRole, want map[string]string) map[string]string {
	profile := map[string]string{}
	if r.validUntil != "" {
		profile[attributeValidUntil] = r.validUntil
	}
	if r.connectionLimit >= 0 {
		profile[attributeConnectionLimit] = strconv.Itoa(r.connectionLimit)
	}
	for _, setting := range r.settings {
		if name, value, _ := strings.Cut(setting, "="); keepsSetting(name) {
			profile[settingPrefix+name] = value
		}
	}
	for attribute, value := range want {
		if sameValue(attribute, value, r) {
			profile[attribute] = value
		}
	}
	return profile
}

// sameValue reports whether the role has that value of the attribute, however it is written.
func sameValue(attribute, value string, r serverRole) bool {
	switch attribute {
	case attributeValidUntil:
		want, err := parseTime(value)
		stored, _ := parseTime(r.validUntil)
		return err == nil && want.Equal(stored)
	case attributeConnectionLimit:
		want, err := parseLimit(value)
		return err == nil && want == max(r.connectionLimit, -1)
	}
	name := strings.TrimPrefix(attribute, settingPrefix)
	stored := r.setting(name)
	if strings.EqualFold(name, searchPath) {
		return slices.Equal(splitPath(value), storedPath(stored))
	}
	return value == stored
}

// setting returns the value, "" if there is none. Names of settings have no case.
func (r serverRole) setting(name string) string {
	for _, setting := range r.settings {
		if stored, value, _ := strings.Cut(setting, "="); strings.EqualFold(stored, name) {
			return value
		}
	}
	return ""
}

// parseTime reads RFC 3339. Nothing is the zero time, which is no limit.
func parseTime(value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil || t.UTC().Year() < 1970 || t.UTC().Year() > 9999 {
		return time.Time{}, connector.Invalidf("the value of %s is not a time like 2030-01-31T18:00:00Z", attributeValidUntil)
	}
	return t.UTC().Truncate(time.Microsecond), nil
}

// parseLimit reads a number. Nothing and -1 are no limit.
func parseLimit(value string) (int, error) {
	if value == "" {
		return -1, nil
	}
	limit, err := strconv.ParseInt(value, 10, 32)
	if err != nil || limit < -1 {
		return 0, connector.Invalidf("the value of %s is not a number from 0 on", attributeConnectionLimit)
	}
	return int(limit), nil
}

// splitPath reads a list of names as it is wanted: between commas, exactly as written.
func splitPath(value string) []string {
	var path []string
	for name := range strings.SplitSeq(value, ",") {
		if name = strings.TrimSpace(name); name != "" {
			path = append(path, name)
		}
	}
	return path
}

// storedPath reads a list of names as the server keeps it: quoted where it is not a plain word.
func storedPath(value string) []string {
	var path []string
	for rest := value; rest != ""; {
		var name string
		if name, rest = nextName(strings.TrimLeft(rest, ", ")); name != "" {
			path = append(path, name)
		}
	}
	return path
}

// nextName takes one name off the front.
func nextName(list string) (name, rest string) {
	if !strings.HasPrefix(list, `"`) {
		name, rest, _ = strings.Cut(list, ",")
		return strings.TrimSpace(name), rest
	}
	end := 1
	for end < len(list) && (list[end] != '"' || strings.HasPrefix(list[end+1:], `"`)) {
		if list[end] == '"' {
			end++
		}
		end++
	}
	return strings.ReplaceAll(list[1:min(end, len(list))], `""`, `"`), list[min(end+1, len(list)):]
}

// checkProfile returns an error for a value that cannot be stored.
func (c *Connector) checkProfile(profile map[string]string) error {
	for attribute, value := range profile {
		if !c.Keeps(attribute) {
			continue
		}
		if problem := problemOfText(value); problem != "" {
			return connector.Invalidf("the value of %s %s", attribute, problem)
		}
		if len(value) > maxValue {
			return connector.Invalidf("the value of %s is longer than %d bytes", attribute, maxValue)
		}
	}
	if _, err := parseTime(profile[attributeValidUntil]); err != nil {
		return err
	}
	_, err := parseLimit(profile[attributeConnectionLimit])
	return err
}
