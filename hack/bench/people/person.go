// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package people

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// Person is somebody whom an identity provider knows. Two numbers are two people, who may have the same name.
type Person int

// Given is the given name. One in 25 has an x in it.
func (p Person) Given() string { return pick(int(p), givenNames()) }

// Family is the family name; none has an x in it.
func (p Person) Family() string { return pick(int(p)/len(givenNames()), familyNames()) }

// DisplayName is both names.
func (p Person) DisplayName() string { return p.Given() + " " + p.Family() }

// UserName is in lower case, so it is its own canonical form.
func (p Person) UserName() string {
	return strings.ToLower(p.Given()+"."+p.Family()) + "." + strconv.Itoa(int(p)) + "@acme.test"
}

// Email is the value of the primary e-mail address.
func (p Person) Email() string { return p.UserName() }

// ExternalID is what an identity provider calls the person: 20 characters, as Okta's.
func (p Person) ExternalID() string { return fmt.Sprintf("00u%017d", int(p)) }

// Body is what an identity provider posts.
func (p Person) Body() []byte {
	user := p.attributes()
	user["schemas"] = []string{idp.UserSchema, idp.EnterpriseSchema}
	user["userName"], user["externalId"], user["active"] = p.UserName(), p.ExternalID(), true
	return encoded(user)
}

// Attributes are those that have no field of their own in a ScimUser, about 650 bytes.
func (p Person) Attributes() []byte { return encoded(p.attributes()) }

func (p Person) attributes() idp.Object {
	n := int(p)
	return idp.Object{
		"displayName": p.DisplayName(),
		"name":        idp.Object{"givenName": p.Given(), "familyName": p.Family(), "formatted": p.DisplayName()},
		"emails": []idp.Object{
			{"value": p.Email(), "type": "work", "primary": true},
			{"value": "home." + strconv.Itoa(n) + "@home.test", "type": "home"},
		},
		"phoneNumbers": []idp.Object{{"value": fmt.Sprintf("+1-555-%07d", n%10_000_000), "type": "work"}},
		"addresses": []idp.Object{{
			"streetAddress": strconv.Itoa(1+n%99) + " Main Street", "locality": "Zurich", "postalCode": "8001", "country": "CH", "type": "work",
		}},
		"title":             pick(n, []string{"Engineer", "Senior Engineer", "Accountant", "Account Manager"}),
		"locale":            "en-US",
		"preferredLanguage": "en",
		"timezone":          "Europe/Zurich",
		idp.EnterpriseSchema: idp.Object{
			"employeeNumber": strconv.Itoa(100_000 + n), "costCenter": fmt.Sprintf("CC-%03d", n%400),
			"organization": "Acme", "division": pick(n, []string{"Product", "Finance", "Sales"}),
			"department": fmt.Sprintf("Department %d", n%200),
		},
	}
}

// encoded has the keys in order, as scim-server writes them.
func encoded(o idp.Object) []byte {
	text, err := json.Marshal(o)
	if err != nil {
		panic(fmt.Sprintf("strings can be encoded: %v", err))
	}
	return text
}

func pick(n int, from []string) string { return from[n%len(from)] }

func givenNames() []string {
	return []string{
		"Alice", "Bob", "Carla", "David", "Elena", "Farid", "Grace", "Hiro", "Ines", "Jonas", "Kemal", "Lucia", "Max",
		"Nadia", "Oscar", "Priya", "Quentin", "Rosa", "Stefan", "Tanja", "Umar", "Vera", "Wanda", "Yusuf", "Zoe",
	}
}

func familyNames() []string {
	return []string{
		"Anderson", "Baumann", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Haddad", "Ivanova", "Jensen", "Keller",
		"Lindberg", "Moreau", "Nakamura", "Okafor", "Petrov", "Rossi", "Schneider", "Tanaka", "Weber",
	}
}
