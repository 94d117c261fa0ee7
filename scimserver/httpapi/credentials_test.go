// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"strconv"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/scimserver/directory"
)

// TestCredentialsAreDropped: who has asked for nothing lately is forgotten, who owes something or has something under way is not.
func TestCredentialsAreDropped(t *testing.T) {
	c, rate := newCredentials(), directory.Rate{PerSecond: 1, Burst: 10}
	busy, owing, holding := credentialKey{keyID: "busy"}, credentialKey{keyID: "owing"}, credentialKey{keyID: "holding"}
	if !c.enter(busy, 0, 1) || c.take(owing, rate, 0, [works]int{changing: 10_000}) != 0 || !c.hold(holding, 0, 5, 5) {
		t.Fatal("nothing was refused before")
	}
	most := 0
	for i := range 20 * sweepUsages {
		// Each has drained when the next but one comes.
		c.take(credentialKey{keyID: strconv.Itoa(i)}, rate, time.Duration(i)*time.Second/2, [works]int{reading: 1})
		most = max(most, len(c.usages))
	}
	if most > sweepUsages {
		t.Errorf("%d usages are kept", most)
	}
	now := 20 * sweepUsages * time.Second / 2
	if c.enter(busy, now, 1) || c.hold(holding, now, 1, 5) {
		t.Error("something under way was forgotten")
	}
	c.leave(busy)
	if !c.enter(busy, now, 1) {
		t.Error("a place was not given back")
	}
}

// TestCredentialsAreBounded: more that owe than anybody has are forgotten, but not what is under way.
func TestCredentialsAreBounded(t *testing.T) {
	c, rate := newCredentials(), directory.Rate{PerSecond: 1, Burst: 10}
	busy := credentialKey{keyID: "busy"}
	c.enter(busy, 0, 1)
	for i := range 2 * maxUsages {
		c.take(credentialKey{keyID: strconv.Itoa(i)}, rate, 0, [works]int{reading: 10})
		if len(c.usages) > maxUsages {
			t.Fatalf("%d usages are kept", len(c.usages))
		}
	}
	if c.enter(busy, 0, 1) {
		t.Error("a request under way was forgotten")
	}
}

// TestTakeIsAllOrNothing: of a bulk request with one kind that has no room nothing counts.
func TestTakeIsAllOrNothing(t *testing.T) {
	c, rate, key := newCredentials(), directory.Rate{PerSecond: 1, Burst: 3}, credentialKey{keyID: "a"}
	if wait := c.take(key, rate, 0, [works]int{creating: 3}); wait != 0 {
		t.Fatalf("waits for %s", wait)
	}
	if wait := c.take(key, rate, 0, [works]int{creating: 2, changing: 3}); wait != 2*time.Second {
		t.Errorf("waits for %s, want 2s", wait)
	}
	if wait := c.take(key, rate, 0, [works]int{changing: 3}); wait != 0 {
		t.Errorf("the changes of a request that was refused count: waits for %s", wait)
	}
}
