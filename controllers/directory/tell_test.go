// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"strings"
	"testing"

	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

func TestTheSwitchIsTold(t *testing.T) {
	r := newReconciler(nil)
	recorder := r.Publisher.Recorder.(*events.FakeRecorder)
	with := func(suspended bool) *v1alpha1.ScimDirectory {
		return &v1alpha1.ScimDirectory{Spec: v1alpha1.ScimDirectorySpec{Suspended: suspended}}
	}
	for _, tc := range []struct {
		before, after bool
		want          string
	}{{false, false, ""}, {false, true, "Warning DirectorySuspended "}, {true, true, ""}, {true, false, "Normal DirectoryResumed "}} {
		r.tellSwitch(t.Context(), event.UpdateEvent{ObjectOld: with(tc.before), ObjectNew: with(tc.after)}, nil)
		got := ""
		if len(recorder.Events) > 0 {
			got = <-recorder.Events
		}
		if (got == "") != (tc.want == "") || !strings.HasPrefix(got, tc.want) {
			t.Errorf("from %t to %t: %q, want %q", tc.before, tc.after, got, tc.want)
		}
	}
}
