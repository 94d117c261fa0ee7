// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// The attributes that have a field of their own in ScimUserSpec, because people select by them and controllers decide by them.
// All others are kept in spec.attributes as they are.
const (
	attrUserName   = "userName"
	attrExternalID = "externalId"
	attrActive     = "active"
)

// maxAttributes bounds the attributes of one user, in bytes of JSON: far more than any identity provider sends, and little enough
// that filters and patches stay cheap and etcd's limit of 1.5 MiB is never near.
const maxAttributes = 128 << 10

// toSpec writes r into spec; what r does not say is cleared, except the state: a resource that does not say active is active
// if it is new and stays what it was otherwise.
func toSpec(r scim.Resource, spec *v1alpha1.ScimUserSpec) error {
	spec.UserName, _ = r[attrUserName].(string)
	spec.ExternalID, _ = r[attrExternalID].(string)
	spec.State = state(r, spec.State)
	rest := maps.Clone(r)
	for _, own := range []string{attrUserName, attrExternalID, attrActive} {
		delete(rest, own)
	}
	if len(rest) == 0 {
		spec.Attributes = nil
		return nil
	}
	raw, err := json.Marshal(rest)
	if err != nil {
		return fmt.Errorf("encode attributes: %w", err)
	}
	if len(raw) > maxAttributes {
		return scim.Errorf(http.StatusBadRequest, scim.ErrorInvalidValue, "the user is too large: its attributes may take %d bytes", maxAttributes)
	}
	spec.Attributes = &runtime.RawExtension{Raw: raw}
	return nil
}

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

// fromUser returns the stored form of u.
func fromUser(u *v1alpha1.ScimUser) (Stored, error) {
	r := scim.Resource{}
	if u.Spec.Attributes != nil {
		if err := utiljson.Unmarshal(u.Spec.Attributes.Raw, (*map[string]any)(&r)); err != nil {
			return Stored{}, fmt.Errorf("decode attributes of ScimUser %s: %w", u.Name, err)
		}
	}
	r[attrUserName] = u.Spec.UserName
	if u.Spec.ExternalID != "" {
		r[attrExternalID] = u.Spec.ExternalID
	}
	r[attrActive] = u.Spec.State != v1alpha1.StateSuspended
	return Stored{
		ID: u.Name, Generation: u.Generation, Resource: r,
		Created: u.CreationTimestamp.UTC(), LastModified: lastModified(u),
	}, nil
}

// lastModified is the creation time until the first change, and whenever somebody has spoilt the annotation.
func lastModified(u *v1alpha1.ScimUser) time.Time {
	t, err := time.Parse(time.RFC3339Nano, u.Annotations[v1alpha1.AnnotationLastModified])
	if err != nil {
		return u.CreationTimestamp.UTC()
	}
	return t.UTC()
}

func annotate(u *v1alpha1.ScimUser, key string, t time.Time) {
	metav1.SetMetaDataAnnotation(&u.ObjectMeta, key, t.UTC().Format("2006-01-02T15:04:05.000Z07:00"))
}
