// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import "testing"

// oktaUser is what Okta sends of a user with accounts, and what most requests are like.
const oktaUser = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"barbara.jensen@example.com",
	"name":{"givenName":"Barbara","familyName":"Jensen"},"emails":[{"primary":true,"value":"barbara.jensen@example.com","type":"work"}],
	"phoneNumbers":[{"value":"+49 30 1234567","type":"work","primary":true}],"displayName":"Barbara Jensen","locale":"en-US","title":"Engineer",
	"externalId":"00ujl29u0le5T6Aj10h7","groups":[],"password":"1mz050nq","active":true,
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Engineering","employeeNumber":"701984","manager":{"value":"26118915-6090-4610-87e4-49d8ca9f808d"}},
	"accounts":"[{\"accountId\":\"a1\",\"roles\":[\"admin\",\"dev\"],\"teams\":[\"core\"],\"status\":\"active\"}]"}`

func BenchmarkMatch(b *testing.B) {
	rt := declaredUser(b, Dialect{})
	r := parse(b, rt, oktaUser)
	for name, filter := range map[string]string{
		"userName": `userName eq "barbara.jensen@example.com"`,
		"complex": `active eq true and emails[type eq "work" and value co "@example.com"] and (` + EnterpriseUserURN + `:department eq "engineering" or title pr) ` +
			`and accounts[status eq "active" and roles eq "dev"] and not (locale sw "de")`,
	} {
		f, err := ParseFilter(rt, filter)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !f.Match(r, Common{}) {
					b.Fatal("no match")
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	for name, d := range map[string]Dialect{"lenient": {Used: func(Rule) {}}, "keeping": {KeepUnknown: true}} {
		b.Run(name, func(b *testing.B) {
			rt, body := declaredUser(b, d), []byte(oktaUser)
			b.ReportAllocs()
			for b.Loop() {
				raw, err := Decode(body)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := rt.Parse(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRender(b *testing.B) {
	rt := declaredUser(b, Dialect{})
	r, common := parse(b, rt, oktaUser), commonOf("1")
	b.ReportAllocs()
	for b.Loop() {
		rt.Render(r, Projection{}, common)
	}
}

// BenchmarkPatch is what Entra sends to change a user, from its body to the outcome.
func BenchmarkPatch(b *testing.B) {
	rt := declaredUser(b, Dialect{Used: func(Rule) {}})
	r := parse(b, rt, oktaUser)
	body := []byte(`{"schemas":["` + patchURN + `"],"Operations":[{"op":"Replace","path":"active","value":"False"},
		{"op":"Replace","path":"emails[type eq \"work\"].value","value":"b@example.com"},
		{"op":"Add","path":"` + EnterpriseUserURN + `:department","value":"Sales"}]}`)
	b.Run("whole", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			raw, err := Decode(body)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := applyPatch(rt, r, raw); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("apply", func(b *testing.B) {
		p, err := ParsePatch(rt, decode(b, string(body)))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.Apply(rt, r); err != nil {
				b.Fatal(err)
			}
		}
	})
}
