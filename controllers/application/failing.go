// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package application

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// failing remembers which applications do not answer, and until when there is no use in asking again. The zero value knows none, and many can use
// it at once.
type failing struct {
	mu     sync.Mutex
	before map[types.NamespacedName]time.Time
}

// suppose says that the application does not answer before that time, unless it is forgotten meanwhile.
func (f *failing) suppose(app types.NamespacedName, before time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.before == nil {
		f.before = map[types.NamespacedName]time.Time{}
	}
	f.before[app] = before
}

// forget says that the application answers, or is gone.
func (f *failing) forget(app types.NamespacedName) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.before, app)
}

// useless reports whether there is no use in asking the application now.
func (f *failing) useless(app types.NamespacedName, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return now.Before(f.before[app])
}
