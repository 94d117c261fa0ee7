// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import "github.com/scim-operator/scim-operator/scimserver/scim"

// Common returns the common attributes of st (RFC 7643 §3.1) in dir.
func Common(st Stored, dir Directory) scim.Common {
	return scim.Common{
		ID: st.ID, Created: st.Created, LastModified: st.LastModified,
		Location: dir.BaseURL + st.Endpoint + "/" + st.ID, Version: st.Version(), Members: st.Members,
	}
}
