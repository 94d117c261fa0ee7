// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// teamURN is a schema extension of a customer.
const teamURN = "urn:acme:params:scim:schemas:extension:access:2.0:User"

// Expressions that read the roles of the active accounts of this cluster, which is number 42. The attribute may be text, a list of texts or
// objects: json() makes objects of all of them.
const (
	rolesInAccounts  = `json(user.accounts).filter(a, a.accountId == "42" && a.status == "active").map(a, a.roles).flatten()`
	rolesInExtension = `json(user["` + teamURN + `"].accounts).filter(a, a.accountId == "42" && a.status == "active").map(a, a.roles).flatten()`
	rolesInValues    = `json(user.accounts.map(a, a.value)).filter(a, a.accountId == "42" && a.status == "active").map(a, a.roles).flatten()`
)

// accountsForm is one of the forms in which an identity provider can say who shall have which roles in which account.
type accountsForm struct {
	reason     string
	extension  v1alpha1.SchemaExtension
	rolesFrom  v1alpha1.Expression
	attributes func(status string, roles ...any) idp.Object
}

// accountsForms are those of Okta, whose attributes are texts and lists of texts, and that of a client who sends what is meant.
func accountsForms() map[string]accountsForm {
	object := func(status string, roles []any) idp.Object {
		return idp.Object{"accountId": "42", "status": status, "roles": roles, "teams": []any{"core"}}
	}
	other := idp.Object{"accountId": "7", "status": "active", "roles": []any{"viewer", "operator"}}
	top, own := extension("", accountsAttribute()), extension(teamURN, accountsAttribute())
	return map[string]accountsForm{
		"Text": {"one text", top, rolesInAccounts, func(status string, roles ...any) idp.Object {
			return idp.Object{"accounts": text([]any{object(status, roles), other})}
		}},
		"Texts": {"a text for each", top, rolesInAccounts, func(status string, roles ...any) idp.Object {
			return idp.Object{"accounts": []any{text(other), text(object(status, roles))}}
		}},
		"Objects": {"objects", top, rolesInAccounts, func(status string, roles ...any) idp.Object {
			return idp.Object{"accounts": []any{other, object(status, roles)}}
		}},
		"ExtensionText": {"under a URN", own, rolesInExtension, func(status string, roles ...any) idp.Object {
			return idp.Object{teamURN: idp.Object{"accounts": text([]any{object(status, roles)})}}
		}},
		"ExtensionTexts": {"under a URN", own, rolesInExtension, func(status string, roles ...any) idp.Object {
			return idp.Object{teamURN: idp.Object{"accounts": []any{text(object(status, roles)), text(other)}}}
		}},
		"Values": {"accounts.^[type=='x'].value of Okta", extension("", valuesAttribute()), rolesInValues, func(status string, roles ...any) idp.Object {
			return idp.Object{"accounts": []any{
				idp.Object{"type": "this", "value": text(object(status, roles))}, idp.Object{"type": "that", "value": text(other)},
			}}
		}},
	}
}

func extension(urn string, attribute v1alpha1.SchemaAttribute) v1alpha1.SchemaExtension {
	return v1alpha1.SchemaExtension{ResourceType: v1alpha1.ResourceTypeUser, URN: urn, Attributes: []v1alpha1.SchemaAttribute{attribute}}
}

// valuesAttribute declares accounts as roles and entitlements are in the core schema: a type and a value.
func valuesAttribute() v1alpha1.SchemaAttribute {
	accounts := v1alpha1.SchemaAttribute{Type: "complex", AttributeCharacteristics: v1alpha1.AttributeCharacteristics{Name: "accounts", MultiValued: true}}
	for _, name := range []string{"type", "value"} {
		accounts.SubAttributes = append(accounts.SubAttributes, v1alpha1.SchemaSubAttribute{AttributeCharacteristics: v1alpha1.AttributeCharacteristics{Name: name}})
	}
	return accounts
}

// TestRolesFromAccounts: the identity provider says in an attribute who has which roles, and nothing of it has an effect but by the grant
// that reads it.
func TestRolesFromAccounts(t *testing.T) {
	s := shared.get(t)
	for name, form := range accountsForms() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tn := newTenant(t, s, func(spec *v1alpha1.ScimApplicationSpec) {
				operator := spec.Connector.Kubernetes.Roles[0]
				operator.Name = "operator"
				spec.Connector.Kubernetes.Roles = append(spec.Connector.Kubernetes.Roles, operator)
			})
			tn.mustDelete(t, tn.grant(grantName))
			tn.changeDirectory(t, func(spec *v1alpha1.ScimDirectorySpec) { spec.Extensions = []v1alpha1.SchemaExtension{form.extension} })
			const userName = "ada@acme.test"
			user := idp.OktaUser(idp.Person{UserName: userName})
			id := ""
			for step, c := range []struct {
				reason     string
				attributes idp.Object
				bound      []string
			}{
				{"created with a role", form.attributes("active", "viewer"), []string{userName}},
				{"given another", form.attributes("active", "viewer", "operator"), []string{userName, userName}},
				{"a role that the application does not have", form.attributes("active", "operator", "owner"), []string{userName}},
				{"disabled there", form.attributes("disabled", "operator", "viewer"), nil},
				{"enabled again", form.attributes("active", "operator", "viewer"), []string{userName, userName}},
				{"nothing said any more", nil, nil},
			} {
				delete(user, "accounts")
				delete(user, teamURN)
				for key, value := range c.attributes {
					user[key] = value
				}
				if id == "" {
					answer, err := tn.idp[0].Post(t.Context(), user)
					id = expect(t, http.StatusCreated, answer, err).ID()
					grant := tn.grant("accounts", v1alpha1.Subject{Kind: v1alpha1.SubjectEveryone})
					grant.Spec.Roles, grant.Spec.RolesFrom = nil, form.rolesFrom
					tn.mustCreate(t, grant)
				} else {
					answer, err := tn.idp[step%2].Put(t.Context(), id, user)
					expect(t, http.StatusOK, answer, err)
				}
				t.Logf("%s, %s", form.reason, c.reason)
				tn.waitBound(t, c.bound...)
			}
		})
	}
}

// text is the JSON text of a value.
func text(value any) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(err) // values of this file
	}
	return string(encoded)
}
