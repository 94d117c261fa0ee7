// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"cmp"
	"errors"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// mirror is what the API server has of one kind, as a watch and lists tell it. Whichever of them is ahead counts, by the resource
// version: the watch tells at once, and the lists go on when it hangs. It is not safe for concurrent use.
//
// What was deleted never comes back. A deletion that the watch tells leaves a mark, since a list that was asked for before may still
// bring the object. A list needs none: it is complete up to its own version, the floor, so an object that is not in it and
// whose version is not above the floor has been deleted by then, and the watch is only telling old news of it.
type mirror[T client.Object] struct {
	known  map[client.ObjectKey]record[T]
	floors map[string]string // by what was listed: a namespace, or all as ""
	// changed is told of every change; a nil old or next is one that is not there.
	changed func(old, next T)
}

// record is an object, or the mark of one that the watch said to be deleted.
type record[T client.Object] struct {
	object  T
	uid     types.UID
	version string
	deleted bool
}

func newMirror[T client.Object](changed func(old, next T)) *mirror[T] {
	return &mirror[T]{known: map[client.ObjectKey]record[T]{}, floors: map[string]string{}, changed: changed}
}

// get returns the object, which is shared and not to be changed, or nil.
func (m *mirror[T]) get(key client.ObjectKey) T { return m.known[key].object }

// put takes what the watch or a list says that there is.
func (m *mirror[T]) put(obj T) {
	key := client.ObjectKeyFromObject(obj)
	was := m.last(key)
	if !newer(obj.GetResourceVersion(), was.version) || was.deleted && was.uid == obj.GetUID() {
		return
	}
	m.known[key] = record[T]{object: obj, uid: obj.GetUID(), version: obj.GetResourceVersion()}
	m.changed(was.object, obj)
}

// putListed takes what a list of that version says that there is. An object that is known and was not heard of since is what the list says, even
// if that is an older version of it: then a backup was restored, and what was known never happened.
func (m *mirror[T]) putListed(obj T, version string) {
	key := client.ObjectKeyFromObject(obj)
	was, known := m.known[key]
	if known && !was.deleted && newer(was.version, obj.GetResourceVersion()) && !newer(was.version, version) {
		m.known[key] = record[T]{object: obj, uid: obj.GetUID(), version: obj.GetResourceVersion()}
		m.changed(was.object, obj)
		return
	}
	m.put(obj)
}

// remove takes what the watch says that there was. It may not know the last version of it.
func (m *mirror[T]) remove(obj T) {
	key := client.ObjectKeyFromObject(obj)
	was := m.last(key)
	if was.uid != obj.GetUID() && newer(was.version, obj.GetResourceVersion()) {
		return // it was gone already, or another of that name has come since
	}
	mark := record[T]{uid: obj.GetUID(), version: was.version, deleted: true}
	if newer(obj.GetResourceVersion(), was.version) {
		mark.version = obj.GetResourceVersion()
	}
	m.known[key] = mark
	var none T
	m.changed(was.object, none)
}

// errOldList is a list that knows less than one before, because that one was asked for earlier and answered later, or because the data of
// the API server were restored.
var errOldList = errors.New("the list is older than the one before")

// replace takes a whole list of a namespace, or of all as "", and its version.
func (m *mirror[T]) replace(namespace, version string, items []T) error {
	if !newer(version, "") || newer(m.floors[namespace], version) {
		return errOldList
	}
	listed := make(map[client.ObjectKey]bool, len(items))
	for _, item := range items {
		listed[client.ObjectKeyFromObject(item)] = true
		m.putListed(item, version)
	}
	var none T
	for key, was := range m.known {
		if (namespace == "" || key.Namespace == namespace) && !listed[key] && !newer(was.version, version) {
			delete(m.known, key)
			m.changed(was.object, none)
		}
	}
	m.floors[namespace] = version
	return nil
}

// last is what was heard of that name last: that there was none when it was listed, at least.
func (m *mirror[T]) last(key client.ObjectKey) record[T] {
	if was, ok := m.known[key]; ok {
		return was
	}
	return record[T]{version: cmp.Or(m.floors[key.Namespace], m.floors[""])}
}

// newer compares resource versions of one kind. Everything is newer than none, and what is no version is newer than nothing.
func newer(version, than string) bool {
	order, err := resourceversion.CompareResourceVersion(version, cmp.Or(than, "1"))
	return err == nil && (order > 0 || than == "")
}
