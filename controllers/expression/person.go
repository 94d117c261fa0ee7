// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/json"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// formsPrefix begins keys of the attributes that scim-server keeps for itself. No SCIM attribute can be called so.
const formsPrefix = "#"

// Person is what expressions see of a user. Nothing writes into it while expressions are evaluated.
type Person struct {
	// User is the variable user: the attributes of the SCIM User.
	User map[string]any
	// Groups is the variable groups: id, displayName and externalId of every group that the user is in.
	Groups []map[string]any
	// Grants is the variable grants: the names of the ScimGrants that match the user, where that is known already.
	Grants []string
}

// PersonOf makes what expressions see of a user. The SCIM attributes have their SCIM names, and those of an extension are under its URN;
// id is the name of the object, externalId is absent when it is empty, and active is a bool: not suspended and not deleted.
// groups are all groups of the user, nested ones too; they are sorted by id.
func PersonOf(user *v1alpha1.ScimUser, groups []*v1alpha1.ScimGroup) Person {
	attributes := attributesOf(user)
	attributes["id"] = user.Name
	attributes["userName"] = user.Spec.UserName
	attributes["active"] = user.Spec.State == v1alpha1.StateActive && user.Spec.DeletedAt == nil
	setExternalID(attributes, user.Spec.ExternalID)
	p := Person{User: attributes, Groups: make([]map[string]any, 0, len(groups))}
	for _, g := range groups {
		group := map[string]any{"id": g.Name, "displayName": g.Spec.DisplayName}
		setExternalID(group, g.Spec.ExternalID)
		p.Groups = append(p.Groups, group)
	}
	slices.SortFunc(p.Groups, func(a, b map[string]any) int { return cmp.Compare(a["id"].(string), b["id"].(string)) }) // made above
	return p
}

// attributesOf decodes the attributes of a user. Whole numbers become int64, so that user.level == 3 holds. Attributes that cannot be
// decoded, which the API server does not store, are as if there were none.
func attributesOf(user *v1alpha1.ScimUser) map[string]any {
	attributes := map[string]any{}
	if user.Spec.Attributes == nil || json.Unmarshal(user.Spec.Attributes.Raw, &attributes) != nil || attributes == nil {
		return map[string]any{}
	}
	for name := range attributes {
		if strings.HasPrefix(name, formsPrefix) {
			delete(attributes, name)
		}
	}
	return attributes
}

// setExternalID sets externalId, or takes away what an attribute of that name would pretend.
func setExternalID(of map[string]any, id string) {
	if delete(of, "externalId"); id != "" {
		of["externalId"] = id
	}
}
