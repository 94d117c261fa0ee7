// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"errors"

	"github.com/scim-operator/scim-operator/hack/apps"
)

func isRefused(err error) bool { return errors.Is(err, apps.ErrRefused) }
