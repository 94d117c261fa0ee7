// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/scim-operator/scim-operator/controllers/expression/language"
)

const (
	// maxText bounds a text in a path, query or header, in characters.
	maxText = 4096
	// maxValues and maxBody bound the body of a request: how many values it has, and bytes.
	maxValues, maxBody = 20_000, 256 << 10
	// maxPlain bounds a body that is not JSON, as far as expressions see it.
	maxPlain = 4096
)

// answer is a response as expressions see it.
type answer struct {
	status  int
	headers map[string]string
	body    any
}

// newAnswer decodes a response. Names of headers are in lower case. A body that is not JSON is a text; an empty one is null.
func newAnswer(status int, header http.Header, body []byte) *answer {
	a := &answer{status: status, headers: make(map[string]string, len(header))}
	for name, values := range header {
		a.headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return a
	}
	if err := utiljson.Unmarshal(body, &a.body); err != nil { // whole numbers become int64
		a.body = strings.ToValidUTF8(string(body[:min(len(body), maxPlain)]), "?")
	}
	return a
}

// textOf is a text, or a number or bool as one.
func textOf(v ref.Val, characters int) (string, error) {
	text, ok := language.Scalar(v)
	if !ok {
		return "", language.Failed(language.ProblemResult)
	}
	return language.Bounded(text, characters)
}

// encode writes a value as a body.
func encode(v ref.Val, encoding Encoding) (body []byte, contentType string, err error) {
	switch encoding {
	case EncodingForm:
		body, err = encodeForm(v)
		contentType = "application/x-www-form-urlencoded"
	case EncodingText:
		var text string
		text, err = textOf(v, maxBody)
		body, contentType = []byte(text), "text/plain; charset=utf-8"
	default:
		body, err = encodeJSON(v)
		contentType = "application/json"
	}
	if err == nil && len(body) > maxBody {
		err = language.Failed(language.ProblemSize)
	}
	return body, contentType, err
}

func encodeJSON(v ref.Val) ([]byte, error) {
	if language.Weight(v, maxValues) >= maxValues {
		return nil, language.Failed(language.ProblemSize)
	}
	plain, err := plainOf(v)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(plain); err != nil {
		return nil, language.Failed(language.ProblemResult)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// plainOf makes what encoding/json takes of a value that JSON has.
func plainOf(v ref.Val) (any, error) {
	switch v := v.(type) {
	case types.Null:
		return nil, nil
	case types.Bool:
		return bool(v), nil
	case types.Int:
		return int64(v), nil
	case types.Uint:
		return uint64(v), nil
	case types.Double:
		return plainDouble(float64(v))
	case types.String:
		return plainText(string(v))
	case *types.Optional:
		if !v.HasValue() {
			return nil, nil
		}
		return plainOf(v.GetValue())
	case traits.Mapper:
		return plainMap(v)
	case traits.Lister:
		return plainList(v)
	}
	return nil, language.Failed(language.ProblemResult)
}

func plainDouble(f float64) (any, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, language.Failed(language.ProblemResult)
	}
	return f, nil
}

// plainText refuses bytes that are no UTF-8: what is sent in their place would be another name.
func plainText(s string) (any, error) {
	if !utf8.ValidString(s) {
		return nil, language.Failed(language.ProblemResult)
	}
	return s, nil
}

func plainMap(m traits.Mapper) (any, error) {
	all := map[string]any{}
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.(types.String)
		if !ok {
			return nil, language.Failed(language.ProblemResult)
		}
		member, _ := m.Find(key)
		value, err := plainOf(member)
		if err != nil {
			return nil, err
		}
		all[string(name)] = value
	}
	return all, nil
}

func plainList(l traits.Lister) (any, error) {
	all := []any{}
	for it := l.Iterator(); it.HasNext() == types.True; {
		value, err := plainOf(it.Next())
		if err != nil {
			return nil, err
		}
		all = append(all, value)
	}
	return all, nil
}

// encodeForm writes a map of texts, or of lists of texts.
func encodeForm(v ref.Val) ([]byte, error) {
	m, ok := v.(traits.Mapper)
	if !ok || language.Weight(v, maxValues) >= maxValues {
		return nil, language.Failed(language.ProblemResult)
	}
	form := url.Values{}
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := language.Scalar(key)
		if !ok {
			return nil, language.Failed(language.ProblemResult)
		}
		value, _ := m.Find(key)
		for element := range language.Elements(value) {
			text, err := textOf(element, maxText)
			if err != nil {
				return nil, err
			}
			form.Add(name, text)
		}
	}
	return []byte(form.Encode()), nil
}
