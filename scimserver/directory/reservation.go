// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"net/http"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// verdict is what a reservation and its holder say to somebody who wants the name.
type verdict int

const (
	taken      verdict = iota // the holder has the name
	own                       // the reservation is already ours, from an attempt before
	unfinished                // the holder is being created, or its creation was cut short
	released                  // the holder is gone or going, for good
	stale                     // the holder has another name: a rename under way or cut short
)

// judge decides what name and its holder (nil if there is none) say to claimant.
func (k kind) judge(name *v1alpha1.ScimName, holder client.Object, claimant string) verdict {
	switch {
	case holder == nil && name.Spec.State == v1alpha1.NameBound, holder != nil && !present(holder):
		return released
	case holder == nil:
		return unfinished
	case k.holds(holder, name):
		return taken
	case name.Spec.Holder == claimant:
		return own
	default:
		return stale
	}
}

// nameKey is the object name of the reservation of value: the same for all who want it, and not to be read back.
func nameKey(directory string, attribute v1alpha1.NameAttribute, value string) string {
	h := sha256.New()
	for _, part := range []string{directory, string(attribute), value} {
		h.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(h.Sum(nil)))
}

func (k kind) newName(dir Directory, value string, c claimant) *v1alpha1.ScimName {
	return &v1alpha1.ScimName{
		ObjectMeta: metav1.ObjectMeta{Namespace: dir.Namespace, Name: nameKey(dir.Name, k.attribute, value)},
		Spec: v1alpha1.ScimNameSpec{
			DirectoryRef: v1alpha1.LocalReference{Name: dir.Name},
			Attribute:    k.attribute, Value: value,
			Holder: c.id, State: c.state,
		},
	}
}

// claimant is who wants a name: a resource yet to be created (Reserved), or one that exists and is renamed (Bound).
type claimant struct {
	id    string
	state v1alpha1.NameState
}

// reserve makes value the claimant's, or finds who else is to have it. It returns the reservation as it now stands; its holder
// is the id to create the resource under, which is another than the claimant's when an unfinished creation is to be finished.
func (s *Store) reserve(ctx context.Context, dir Directory, value string, c claimant) (*v1alpha1.ScimName, error) {
	patience := 4 // how often an unfinished creation is looked at again before it counts as cut short
	var got *v1alpha1.ScimName
	err := s.retry(ctx, func() (bool, error) {
		name := s.newName(dir, value, c)
		err := s.live.Create(ctx, name)
		if !apierrors.IsAlreadyExists(err) {
			got = name
			return true, err
		}
		var done bool
		got, done, err = s.contend(ctx, name, c, &patience)
		return done, err
	})
	return got, err
}

// contend settles a reservation that exists. done is false when it changed under our hands and is to be looked at again.
func (s *Store) contend(ctx context.Context, name *v1alpha1.ScimName, c claimant, patience *int) (_ *v1alpha1.ScimName, done bool, err error) {
	if err := s.live.Get(ctx, client.ObjectKeyFromObject(name), name); err != nil {
		return nil, false, client.IgnoreNotFound(err)
	}
	holder, err := s.find(ctx, name.Namespace, name.Spec.Holder)
	if err != nil {
		return nil, false, err
	}
	switch s.judge(name, holder, c.id) {
	case taken:
		return nil, false, s.errTaken()
	case unfinished:
		if *patience--; *patience > 0 {
			return nil, false, nil // most likely somebody is just between the two writes
		}
		if c.state == v1alpha1.NameBound {
			return nil, false, busy("another resource of this name is being created")
		}
		c.id = name.Spec.Holder
	case stale:
		if err := s.fence(ctx, holder); err != nil {
			return nil, false, ignoreRace(err)
		}
	case own, released:
	}
	name.Spec.Holder, name.Spec.State = c.id, c.state
	name.Spec.Claims++
	if err := s.live.Update(ctx, name); err != nil {
		return nil, false, ignoreRace(err)
	}
	return name, true, nil
}

// fence rewrites the holder of a stale reservation, so that a rename under way fails its optimistic lock and starts over.
func (s *Store) fence(ctx context.Context, holder client.Object) error {
	annotate(holder, v1alpha1.AnnotationFence, s.clock.Now())
	return s.update(ctx, holder)
}

// bind marks the reservation of a resource that is about to be deleted or renamed, so that nobody takes its absence for an
// unfinished creation afterwards. It returns nil when it has no reservation.
func (s *Store) bind(ctx context.Context, dir Directory, o client.Object) (*v1alpha1.ScimName, error) {
	name, err := s.reservationOf(ctx, dir, o)
	if err != nil || name == nil || name.Spec.State == v1alpha1.NameBound {
		return name, err
	}
	name.Spec.State = v1alpha1.NameBound
	return name, s.live.Update(ctx, name)
}

func (s *Store) reservationOf(ctx context.Context, dir Directory, o client.Object) (*v1alpha1.ScimName, error) {
	value, err := s.canonical(*s.head(o).name)
	if err != nil {
		return nil, nil //nolint:nilerr // a name that cannot be reserved has no reservation
	}
	name := s.newName(dir, value, claimant{})
	if err := s.live.Get(ctx, client.ObjectKeyFromObject(name), name); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	if name.Spec.Holder != o.GetName() {
		return nil, nil // somebody else's
	}
	return name, nil
}

// release deletes exactly the reservation that was read; one that changed since is somebody's again. A failure is not the
// client's concern: the next claimant takes the reservation over and the janitor collects it.
func (s *Store) release(ctx context.Context, name *v1alpha1.ScimName) {
	if name == nil {
		return
	}
	err := s.live.Delete(ctx, name, exactly(name))
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		s.log.WarnContext(ctx, "Left a reservation behind", "scimName", name.Name, "reason", string(apierrors.ReasonForError(err)))
	}
}

func (k kind) errTaken() error {
	return scim.Errorf(http.StatusConflict, scim.ErrorUniqueness, "another %s of this directory has this %s already", k.resource.Name, k.unique)
}

// ignoreRace drops the errors of a write that somebody else's write came before.
func ignoreRace(err error) error {
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
