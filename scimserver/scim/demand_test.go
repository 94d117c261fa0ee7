// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFilterDemands(t *testing.T) {
	const none = "\x00"
	for filter, tc := range map[string]struct{ reason, attribute, want string }{
		`emails.value eq "x"`:                                       {"the whole filter", "emails.value", "x"},
		`emails eq "x"`:                                             {"the value of an e-mail address is what it is compared by", "emails.value", "x"},
		`emails[value eq "x"]`:                                      {"one condition in brackets", "emails.value", "x"},
		`emails[type eq "work" and value eq "x"]`:                   {"one of the conditions in brackets", "emails.value", "x"},
		`emails[type eq "work"].value eq "x"`:                       {"as Entra sends it", "emails.value", "x"},
		`active eq true and emails[type eq "w" and (value eq "x")]`: {"brackets beside something else", "emails.value", "x"},
		`userName eq "u" and (id eq "i" and active eq true)`:        {"brackets around a conjunction change nothing", "id", "i"},
		`emails[type eq "work" or value eq "x"]`:                    {"either may hold", "emails.value", none},
		`emails[not (value eq "x")]`:                                {"the opposite", "emails.value", none},
		`not (emails[value eq "x"])`:                                {"the opposite", "emails.value", none},
		`emails.value eq "x" or active eq true`:                     {"either may hold", "emails.value", none},
		`emails.value co "x"`:                                       {"no equality", "emails.value", none},
		`emails[type eq "x"]`:                                       {"another sub-attribute", "emails.value", none},
		`phoneNumbers[value eq "x"]`:                                {"another attribute", "emails.value", none},
	} {
		f, err := ParseFilter(UserResourceType(), filter)
		if err != nil {
			t.Fatalf("%s: %v", filter, err)
		}
		got, ok := f.Demands(tc.attribute)
		if !ok {
			got = none
		}
		if got != tc.want {
			t.Errorf("%s demands %q of %s, want %q: %s", filter, got, tc.attribute, tc.want, tc.reason)
		}
	}
	if _, ok := (Filter{}).Demands("id"); ok {
		t.Error("a filter that matches nothing demands something")
	}
}

func TestReads(t *testing.T) {
	for filter, want := range map[string][]string{
		`userName eq "a"`: {"userName"},
		`not (active eq true) or (meta.created pr and id eq "x" and meta.lastModified gt "2020-01-01T00:00:00Z")`: {"active", "id", "meta"},
		`emails[type eq "work"].value eq "x" and department eq null`: {
			"emails", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
		},
	} {
		f, err := ParseFilter(UserResourceType(), filter)
		if err != nil {
			t.Fatalf("%s: %v", filter, err)
		}
		got := f.Reads()
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s reads (-want +got):\n%s", filter, diff)
		}
	}
	if got := (Filter{}).Reads(); len(got) > 0 {
		t.Errorf("a filter that matches nothing reads %q", got)
	}
	s, err := ParseSort(UserResourceType(), "name.familyName", "")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Reads(); got != "name" {
		t.Errorf("sorting by name.familyName reads %q, want name", got)
	}
}
