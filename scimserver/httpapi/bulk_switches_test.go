// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestBulkSwitches: what a directory has switched off is off for the operations of a bulk request too.
func TestBulkSwitches(t *testing.T) {
	for setting, change := range switched() {
		for name, tc := range everyOperation {
			method, path, _ := strings.Cut(tc.request.method+" "+strings.TrimPrefix(tc.request.target, basePath), " ")
			changes := method == http.MethodPut || method == http.MethodPatch || method == http.MethodDelete || method == http.MethodPost && !strings.Contains(path, ".search")
			if setting == "suspended" || !changes || strings.TrimSpace(tc.request.body) == "" && method != http.MethodDelete {
				continue
			}
			t.Run(setting+name, func(t *testing.T) {
				data := tc.request.body
				if data == "" {
					data = "{}"
				}
				got := newAPI(t).settle(change).bulk(t, bulkOperation(method, path, data))
				if want := fmt.Sprint(orElse(tc.want, setting)); statusesOf(got) != want {
					t.Errorf("got %+v, want status %s", got, want)
				}
			})
		}
	}
	w := newAPI(t).settle(switched()["suspended"]).call(t, bulkOf(deleteOne))
	checkError(t, w, http.StatusServiceUnavailable)
}
