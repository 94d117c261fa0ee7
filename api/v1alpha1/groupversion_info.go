// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Group is the API group of every kind in this package.
const Group = "scim-operator.dev"

// GroupVersion is the group and version of every kind in this package.
var GroupVersion = schema.GroupVersion{Group: Group, Version: "v1alpha1"} //nolint:gochecknoglobals // a struct cannot be a constant, and the scheme builder wants it

// SchemeGroupVersion is GroupVersion under the name that generated code expects.
var SchemeGroupVersion = GroupVersion //nolint:gochecknoglobals // see above

// AddToScheme registers every kind of this package.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion,
		&ScimDirectory{}, &ScimDirectoryList{},
		&ScimToken{}, &ScimTokenList{},
		&ScimTokenUse{}, &ScimTokenUseList{},
		&ScimUser{}, &ScimUserList{},
		&ScimGroup{}, &ScimGroupList{},
		&ScimMemberSlice{}, &ScimMemberSliceList{},
		&ScimName{}, &ScimNameList{},
		&ScimApplication{}, &ScimApplicationList{},
		&ScimGrant{}, &ScimGrantList{},
		&ScimAccount{}, &ScimAccountList{},
	)
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
