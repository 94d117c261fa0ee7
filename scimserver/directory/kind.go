// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"

	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// kind is what tells one kind of resource from another; everything else is the same for all.
type kind struct {
	resource *scim.ResourceType
	// unique is the SCIM attribute that no two resources of a directory share, reserved as attribute in its canonical form.
	unique    string
	attribute v1alpha1.NameAttribute
	canonical func(string) (string, error)
	// fields are the SCIM attributes that have a field of their own in the spec; all others are kept as they are.
	fields    []string
	newObject func() client.Object
	// head gives access to what every spec has.
	head func(client.Object) head
	// set writes the fields of r; get reads them.
	set func(o client.Object, r scim.Resource)
	get func(o client.Object, r scim.Resource)
}

// head is what the specs of all kinds have.
type head struct {
	directory  *v1alpha1.LocalReference
	name       *string
	externalID *string
	attributes **runtime.RawExtension
}

const (
	attrID          = "id"
	attrUserName    = "userName"
	attrDisplayName = "displayName"
	attrExternalID  = "externalId"
	attrActive      = "active"
)

func userKind() kind {
	return kind{
		resource: scim.UserResourceType(),
		unique:   attrUserName, attribute: v1alpha1.NameAttributeUserName, canonical: scim.CanonicalUserName,
		fields:    []string{attrUserName, attrExternalID, attrActive},
		newObject: func() client.Object { return &v1alpha1.ScimUser{} },
		head: func(o client.Object) head {
			spec := &o.(*v1alpha1.ScimUser).Spec // made by newObject
			return head{directory: &spec.DirectoryRef, name: &spec.UserName, externalID: &spec.ExternalID, attributes: &spec.Attributes}
		},
		set: func(o client.Object, r scim.Resource) {
			spec := &o.(*v1alpha1.ScimUser).Spec // made by newObject
			spec.State = state(r, spec.State)
		},
		get: func(o client.Object, r scim.Resource) {
			r[attrActive] = o.(*v1alpha1.ScimUser).Spec.State != v1alpha1.StateSuspended // made by newObject
		},
	}
}

func groupKind() kind {
	return kind{
		resource: scim.GroupResourceType(),
		unique:   attrDisplayName, attribute: v1alpha1.NameAttributeGroupDisplayName, canonical: scim.CanonicalDisplayName,
		fields:    []string{attrDisplayName, attrExternalID},
		newObject: func() client.Object { return &v1alpha1.ScimGroup{} },
		head: func(o client.Object) head {
			spec := &o.(*v1alpha1.ScimGroup).Spec // made by newObject
			return head{directory: &spec.DirectoryRef, name: &spec.DisplayName, externalID: &spec.ExternalID, attributes: &spec.Attributes}
		},
		set: func(client.Object, scim.Resource) {},
		get: func(client.Object, scim.Resource) {},
	}
}

// state is what r says of a user who was in that state: without active it stays as it was, and is active if the user is new.
func state(r scim.Resource, was v1alpha1.State) v1alpha1.State {
	active, said := r[attrActive].(bool)
	switch {
	case said && !active:
		return v1alpha1.StateSuspended
	case said || was == "":
		return v1alpha1.StateActive
	default:
		return was
	}
}

// maxAttributes bounds the attributes of one resource, in bytes of JSON: far more than any identity provider sends, and little
// enough that filters and patches stay cheap and etcd's limit of 1.5 MiB is never near.
const maxAttributes = 128 << 10

// write puts r into the spec of o; what r does not say is cleared, except what set keeps.
func (k kind) write(r scim.Resource, o client.Object) error {
	h := k.head(o)
	*h.name, _ = r[k.unique].(string)
	*h.externalID, _ = r[attrExternalID].(string)
	k.set(o, r)
	rest := maps.Clone(r)
	for _, own := range k.fields {
		delete(rest, own)
	}
	*h.attributes = nil
	if len(rest) == 0 {
		return nil
	}
	raw, err := json.Marshal(rest)
	if err != nil {
		return fmt.Errorf("encode attributes: %w", err)
	}
	if len(raw) > maxAttributes {
		return scim.Errorf(http.StatusBadRequest, scim.ErrorInvalidValue, "the resource is too large: its attributes may take %d bytes", maxAttributes)
	}
	*h.attributes = &runtime.RawExtension{Raw: raw}
	return nil
}

// read returns the stored form of o.
func (k kind) read(o client.Object) (Stored, error) {
	r := scim.Resource{}
	if attributes := *k.head(o).attributes; attributes != nil {
		if err := utiljson.Unmarshal(attributes.Raw, (*map[string]any)(&r)); err != nil {
			return Stored{}, fmt.Errorf("decode attributes of %s: %w", o.GetName(), err)
		}
	}
	return k.complete(o, r), nil
}

// complete returns the stored form of o, of which r is what was read of its attributes.
func (k kind) complete(o client.Object, r scim.Resource) Stored {
	h := k.head(o)
	r[k.unique] = *h.name
	if *h.externalID != "" {
		r[attrExternalID] = *h.externalID
	}
	k.get(o, r)
	return Stored{
		ID: o.GetName(), Generation: o.GetGeneration(), Resource: r, Endpoint: k.resource.Endpoint,
		Created: o.GetCreationTimestamp().UTC(), LastModified: lastModified(o),
	}
}

// holds reports whether o is there and has the value that name reserves.
func (k kind) holds(o client.Object, name *v1alpha1.ScimName) bool {
	h := k.head(o)
	value, err := k.canonical(*h.name)
	return err == nil && present(o) && value == name.Spec.Value && *h.directory == name.Spec.DirectoryRef
}

// valueOf is the canonical form of the unique attribute of r.
func (k kind) valueOf(r scim.Resource) (string, error) {
	text, _ := r[k.unique].(string)
	return k.canonical(text)
}
