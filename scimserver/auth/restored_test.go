// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/hack/cluster"
)

// whileDown stops the API servers and etcd, calls change, and starts them again.
func whileDown(t *testing.T, plane *cluster.Cluster, change func()) {
	t.Helper()
	etcd, one, two := plane.Etcd(), plane.APIServer(0), plane.APIServer(1)
	if err := errors.Join(one.Kill(), two.Kill(), etcd.Kill()); err != nil { // API servers would wait a minute for their watches
		t.Fatal(err)
	}
	change()
	for _, p := range []*cluster.Process{etcd, one, two} {
		if err := p.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// writesSince the backup are more than API servers make by themselves when they start: the versions have to go back.
const writesSince = 500

// testRestored puts a backup of etcd in its place. A credential that was made since never was: a replica that knew it lets nobody in and ends,
// and the one that is started in its place knows those of the backup, and no other.
func testRestored(t *testing.T, admin client.Client, plane *cluster.Cluster, data string) {
	kept, never := newToken(t, 80), newToken(t, 81)
	issue(t, admin, "kept", kept)
	backup := filepath.Join(t.TempDir(), "backup")
	whileDown(t, plane, func() {
		if err := os.CopyFS(backup, os.DirFS(data)); err != nil {
			t.Fatal(err)
		}
	})
	obj := issue(t, admin, "never", never)
	for i := range writesSince {
		patch := fmt.Sprintf(`{"metadata":{"annotations":{"write":"%d"}}}`, i)
		if err := admin.Patch(t.Context(), obj, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
			t.Fatal(err)
		}
	}
	var later atomic.Int64 // than it is
	table := NewTable([]string{metav1.NamespaceAll}, func() time.Time { return time.Now().Add(time.Duration(later.Load())) })
	before := replicaWith(t, plane.AdminConfig(0), table, (*Table).Run)
	before.waitFor(t, never.Reveal(), http.StatusOK, time.Minute)
	whileDown(t, plane, func() {
		if err := errors.Join(os.RemoveAll(data), os.CopyFS(data, os.DirFS(backup))); err != nil {
			t.Fatal(err)
		}
	})
	for _, tok := range []string{kept.Reveal(), never.Reveal()} {
		before.waitFor(t, tok, http.StatusServiceUnavailable, time.Minute)
	}
	later.Store(int64(restoredAfter))
	if err := <-before.ended; !errors.Is(err, ErrRestored) {
		t.Errorf("ended with %v", err)
	}
	after := startReplica(t, plane.AdminConfig(0))
	after.waitFor(t, kept.Reveal(), http.StatusOK, time.Minute)
	if got := after.ask(t.Context(), never.Reveal()); got != http.StatusUnauthorized {
		t.Errorf("what never was: %d", got)
	}
}
