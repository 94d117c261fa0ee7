// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"encoding/json"
	"errors"
	"hash/maphash"
	"iter"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// value is the hash of an attribute and a value of it. Two that are the same by accident do no harm: whoever looks one up matches
// what is found against what was asked for.
type value uint64

// index finds entries by their values. Most values are of one entry only, and then cost no slice.
type index struct {
	seed maphash.Seed
	one  map[value]*entry
	more map[value][]*entry
}

func newIndex() index {
	return index{seed: maphash.MakeSeed(), one: map[value]*entry{}, more: map[value][]*entry{}}
}

// of is the value that text is of an attribute.
func (x *index) of(attribute, text string) value {
	return value(maphash.Comparable(x.seed, [2]string{attribute, text}))
}

func (x *index) add(e *entry, values []value) {
	for _, v := range values {
		if _, taken := x.one[v]; taken {
			x.more[v] = append(x.more[v], e)
		} else {
			x.one[v] = e
		}
	}
}

func (x *index) remove(e *entry, values []value) {
	for _, v := range values {
		others := x.more[v]
		if i := slices.Index(others, e); i >= 0 {
			x.setMore(v, slices.Delete(others, i, i+1))
			continue
		}
		if last := len(others) - 1; last >= 0 {
			x.one[v] = others[last]
			x.setMore(v, slices.Delete(others, last, last+1))
			continue
		}
		delete(x.one, v)
	}
}

func (x *index) setMore(v value, others []*entry) {
	if len(others) == 0 {
		delete(x.more, v)
		return
	}
	x.more[v] = others
}

func (x *index) find(v value) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		e, ok := x.one[v]
		if !ok || !yield(e) {
			return
		}
		for _, e := range x.more[v] {
			if !yield(e) {
				return
			}
		}
	}
}

// attrEmail is what an e-mail address is indexed by, as a filter writes it.
const attrEmail = "emails.value"

// valuesOf are the values that o is found by. What cannot be decoded is not readable.
func (r *roll) valuesOf(o client.Object) (values []value, readable bool) {
	h := r.head(o)
	if name, err := r.canonical(*h.name); err == nil {
		values = append(values, r.index.of(r.unique, name))
	}
	if *h.externalID != "" {
		values = append(values, r.index.of(attrExternalID, *h.externalID))
	}
	if *h.attributes == nil {
		return values, true
	}
	emails, readable := emailsOf((*h.attributes).Raw)
	if r.resource.ID == typeUser {
		for _, email := range emails {
			values = append(values, r.index.of(attrEmail, folded(email)))
		}
	}
	slices.Sort(values)
	return slices.Compact(values), readable
}

// emailsOf reads the e-mail addresses among attributes and skips all else: a hundred thousand users are read so at the start.
func emailsOf(attributes []byte) (emails []string, readable bool) {
	var user struct {
		Emails []struct {
			Value string `json:"value"`
		} `json:"emails"`
	}
	var other *json.UnmarshalTypeError // what is no e-mail address equals none; but all attributes together are an object
	if err := json.Unmarshal(attributes, &user); err != nil && (!errors.As(err, &other) || other.Field == "") {
		return nil, false
	}
	for _, email := range user.Emails {
		emails = append(emails, email.Value)
	}
	return emails, true
}

// folded is the same for texts that are equal but for case, as filters compare e-mail addresses.
func folded(text string) string { return strings.ToLower(strings.ToUpper(text)) }
