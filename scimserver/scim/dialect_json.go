// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Okta has no attributes that hold objects: what it calls a string holds JSON text, and an array of strings holds several. A
// declared complex attribute may come so. It is parsed into the objects that its schema describes, so that filters, value
// paths and grants see one form, and is shown in the form that it came in, because Okta PUTs what it has read.

// form is how an attribute came; the zero form is objects.
type form string

const (
	formText   form = "text"   // one JSON text: of a list, or of the value of a single-valued attribute
	formObject form = "object" // one JSON text of the only value of a multi-valued attribute
	formTexts  form = "texts"  // a list of JSON texts
)

// keyForms is where a Resource holds the forms that are not objects, by canonical attribute path. No attribute can have this
// name, so a client neither sets nor sees it.
const keyForms = "#forms"

// isJSONText reports whether s means to be an object or a list.
func isJSONText(s string) bool {
	s = strings.TrimSpace(s)
	return strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[")
}

// formOf is the form of raw, a value of a.
func formOf(a *Attribute, raw any) form {
	list, isList := raw.([]any)
	for _, v := range list {
		if s, ok := v.(string); ok && isJSONText(s) {
			if a.MultiValued {
				return formTexts
			}
			return formText
		}
	}
	s, _ := raw.(string)
	switch {
	case isList || !isJSONText(s):
		return ""
	case a.MultiValued && strings.HasPrefix(strings.TrimSpace(s), "{"):
		return formObject
	}
	return formText
}

// unpackList reads the JSON text of a multi-valued attribute. One object is the text of one value.
func (d Dialect) unpackList(text string) (any, error) {
	v, err := d.unpack(text)
	if object, ok := v.(map[string]any); ok {
		return []any{object}, err
	}
	return v, err
}

func (d Dialect) unpackObject(text string) (any, error) {
	v, err := d.unpack(text)
	if _, ok := v.(map[string]any); err == nil && !ok {
		return nil, badRequest(ErrorInvalidValue, ": must be an object, or JSON text of one")
	}
	return v, err
}

func (d Dialect) unpack(text string) (any, error) {
	if err := checkTextLength(len(text)); err != nil {
		return nil, err
	}
	v, err := decodeValue([]byte(text))
	if err != nil {
		return nil, badRequest(ErrorInvalidValue, ": must be objects, or JSON text of them")
	}
	d.takes(jsonText)
	return v, nil
}

func checkTextLength(size int) error {
	if limit := DefaultLimits().JSONTextBytes; size > limit {
		return badRequest(ErrorInvalidValue, ": must not be longer than %d bytes as JSON text", limit)
	}
	return nil
}

// form is the form of the attribute at a canonical path.
func (r Resource) form(path string) form {
	forms, _ := r[keyForms].(map[string]any)
	f, _ := forms[path].(string)
	return form(f)
}

// setForm changes r, which shares its forms with nobody.
func (r Resource) setForm(path string, f form) {
	forms, _ := r[keyForms].(map[string]any)
	switch {
	case f == "":
		delete(forms, path)
	case forms == nil:
		forms = map[string]any{path: string(f)}
	default:
		forms[path] = string(f)
	}
	delete(r, keyForms)
	if len(forms) > 0 {
		r[keyForms] = forms
	}
}

// settleForms drops the forms of attributes that are not there, and checks that what will be shown as text could be sent back.
func (rt *ResourceType) settleForms(r Resource) error {
	forms, _ := r[keyForms].(map[string]any)
	for path := range forms {
		ref, ok := rt.resolve(path)
		if !ok || !ref.attr.acceptText || r.part(ref.ns)[ref.attr.Name] == nil {
			r.setForm(path, "")
			continue
		}
		for _, text := range textsIn(pack(ref.attr, r.form(path), r.part(ref.ns)[ref.attr.Name])) {
			if err := checkTextLength(len(text)); err != nil {
				return named(ref.attr, err)
			}
		}
	}
	return nil
}

func textsIn(v any) []string {
	if s, ok := v.(string); ok {
		return []string{s}
	}
	list, _ := v.([]any)
	out := make([]string, 0, len(list))
	for _, element := range list {
		if s, ok := element.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// pack puts the values v of a into a form.
func pack(a *Attribute, f form, v any) any {
	list, _ := v.([]any)
	switch {
	case v == nil || f == "":
		return v
	case f == formObject && len(list) == 1:
		return jsonOf(list[0])
	case f == formTexts && a.MultiValued:
		out := make([]any, 0, len(list))
		for _, element := range list {
			out = append(out, jsonOf(element))
		}
		return out
	}
	return jsonOf(v)
}

// jsonOf is v as JSON, always the same for the same v.
func jsonOf(v any) any {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return v // values of a Resource can be encoded
	}
	return strings.TrimSuffix(out.String(), "\n")
}
