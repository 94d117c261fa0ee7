// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sigs.k8s.io/yaml"
)

// description is docs/connectors/webhook.openapi.yaml. It knows of JSON Schema what that file uses, and complains of the rest.
type description struct {
	root map[string]any

	mu   sync.Mutex
	used map[string]bool // operationIds, with statuses
}

func readDescription(t testing.TB) *description {
	t.Helper()
	text, err := os.ReadFile("../../../docs/connectors/webhook.openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d := &description{used: map[string]bool{}}
	if err := yaml.UnmarshalStrict(text, &d.root); err != nil {
		t.Fatal(err)
	}
	return d
}

// object follows a reference, if it is one.
func (d *description) object(node any) map[string]any {
	object, _ := node.(map[string]any)
	ref, isRef := object["$ref"].(string)
	if !isRef {
		return object
	}
	at := any(d.root)
	for step := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		at = at.(map[string]any)[step]
	}
	return d.object(at)
}

// operation returns what is at a method and path, nil if there is nothing, and the path with its names in braces.
func (d *description) operation(method, path string) (operation map[string]any, template string) {
	for template, item := range d.root["paths"].(map[string]any) {
		if matches(template, path) {
			return d.object(item.(map[string]any)[strings.ToLower(method)]), template
		}
	}
	return nil, ""
}

func matches(template, path string) bool {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	return slices.EqualFunc(want, got, func(w, g string) bool { return w == g || strings.HasPrefix(w, "{") && g != "" })
}

// judge returns what is wrong with a request and its answer. The path is below that of the server.
func (d *description) judge(r *http.Request, path string, body []byte, status int, answer []byte) error {
	operation, template := d.operation(r.Method, path)
	if operation == nil {
		return fmt.Errorf("%s %s is not described", r.Method, path)
	}
	if err := d.judgeQuery(operation, r); err != nil {
		return fmt.Errorf("%s %s: %w", r.Method, template, err)
	}
	if err := d.content(operation["requestBody"], body); err != nil {
		return fmt.Errorf("%s %s: request: %w", r.Method, template, err)
	}
	responses := operation["responses"].(map[string]any)
	response, described := responses[strconv.Itoa(status)]
	if !described {
		response = responses["default"]
		if status < 400 {
			return fmt.Errorf("%s %s: %d is not described", r.Method, template, status)
		}
	}
	d.mu.Lock()
	d.used[fmt.Sprint(operation["operationId"], " ", status)] = true
	d.mu.Unlock()
	if described {
		if err := d.content(response, answer); err != nil {
			return fmt.Errorf("%s %s: %d: %w", r.Method, template, status, err)
		}
	}
	return nil
}

func (d *description) judgeQuery(operation map[string]any, r *http.Request) error {
	schemas := map[string]any{}
	parameters, _ := operation["parameters"].([]any)
	for _, p := range parameters {
		parameter := d.object(p)
		schemas[parameter["name"].(string)] = parameter["schema"]
	}
	for name, values := range r.URL.Query() {
		if schemas[name] == nil || len(values) != 1 {
			return fmt.Errorf("the parameter %s is not described", name)
		}
		var value any = values[0]
		if n, err := strconv.ParseFloat(values[0], 64); err == nil && d.object(schemas[name])["type"] == "integer" {
			value = n
		}
		if err := d.validate(schemas[name], value); err != nil {
			return fmt.Errorf("the parameter %s: %w", name, err)
		}
	}
	return nil
}

// content judges a body by the content of a requestBody or response.
func (d *description) content(node any, body []byte) error {
	content, described := d.object(node)["content"].(map[string]any)
	if !described {
		if len(body) > 0 {
			return fmt.Errorf("there is a body")
		}
		return nil
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return err
	}
	return d.validate(d.object(content["application/json"])["schema"], value)
}

// validate is JSON Schema as far as the description needs it.
func (d *description) validate(schema, value any) error {
	for _, keyword := range slices.Sorted(maps.Keys(d.object(schema))) {
		if err := d.keyword(d.object(schema), keyword, value); err != nil {
			return fmt.Errorf("%s: %w", keyword, err)
		}
	}
	return nil
}

func (d *description) keyword(schema map[string]any, keyword string, value any) error {
	limit := schema[keyword]
	text, isText := value.(string)
	object, _ := value.(map[string]any)
	switch keyword {
	case "description":
		return nil
	case "type":
		return ofType(limit.(string), value)
	case "const":
		return when(limit != value, "%v", value)
	case "enum":
		return when(!slices.Contains(limit.([]any), value), "%v", value)
	case "minLength":
		return when(isText && float64(len(text)) < limit.(float64), "too short")
	case "minimum":
		n, isNumber := value.(float64)
		return when(isNumber && n < limit.(float64), "%v", n)
	case "maxLength":
		return when(isText && float64(len(text)) > limit.(float64), "too long")
	case "required":
		for _, name := range limit.([]any) {
			if _, there := object[name.(string)]; !there {
				return fmt.Errorf("%v", name)
			}
		}
		return nil
	case "properties":
		return d.properties(limit.(map[string]any), object)
	case "additionalProperties":
		return d.others(schema, object)
	case "items":
		list, _ := value.([]any)
		for _, item := range list {
			if err := d.validate(limit, item); err != nil {
				return err
			}
		}
		return nil
	case "oneOf":
		return d.one(limit.([]any), value)
	}
	return fmt.Errorf("the test does not know this keyword")
}

func when(wrong bool, format string, args ...any) error {
	if wrong {
		return fmt.Errorf(format, args...)
	}
	return nil
}

func ofType(name string, value any) error {
	is := map[string]string{"string": "string", "object": "map[string]interface {}", "array": "[]interface {}", "integer": "float64"}[name]
	return when(is != fmt.Sprintf("%T", value), "%s is %T", name, value)
}

func (d *description) properties(schemas, object map[string]any) error {
	for name, value := range object {
		if schemas[name] == nil {
			continue
		}
		if err := d.validate(schemas[name], value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (d *description) others(schema, object map[string]any) error {
	known, _ := schema["properties"].(map[string]any)
	for name, value := range object {
		if known[name] != nil {
			continue
		}
		if schema["additionalProperties"] == false {
			return fmt.Errorf("%s is not described", name)
		}
		if err := d.validate(schema["additionalProperties"], value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (d *description) one(schemas []any, value any) error {
	fits := 0
	for _, schema := range schemas {
		if d.validate(schema, value) == nil {
			fits++
		}
	}
	return when(fits != 1, "%d fit", fits)
}

// TestDescriptionIsWhole follows every reference, and wants an operationId and a way out of every operation.
func TestDescriptionIsWhole(t *testing.T) {
	d := readDescription(t)
	var walk func(path string, node any)
	walk = func(path string, node any) {
		switch node := node.(type) {
		case map[string]any:
			if ref, isRef := node["$ref"]; isRef && d.object(node) == nil {
				t.Errorf("%s: %v leads nowhere", path, ref)
			}
			for name, child := range node {
				walk(path+"/"+name, child)
			}
		case []any:
			for i, child := range node {
				walk(path+"/"+strconv.Itoa(i), child)
			}
		}
	}
	walk("", d.root)
	for path, item := range d.root["paths"].(map[string]any) {
		for method, operation := range item.(map[string]any) {
			if o, isOperation := operation.(map[string]any); isOperation && (o["operationId"] == nil || o["responses"].(map[string]any)["default"] == nil) {
				t.Errorf("%s %s has no operationId or no default", method, path)
			}
		}
	}
}

// TestDescriptionRefuses holds the check itself to what it checks.
func TestDescriptionRefuses(t *testing.T) {
	d := readDescription(t)
	const whole = `{"id":"1","owner":"a/b","userName":"u","state":"Active","roles":[],"profile":{}}`
	for name, tc := range map[string]struct {
		method, path, body string
		status             int
		answer             string
		wrong              bool
	}{
		"Whole":           {"GET", "/accounts/a/b", "", 200, whole, false},
		"AnyRefusal":      {"GET", "/accounts/a/b", "", 503, "<html>", false},
		"Suspend":         {"PUT", "/accounts/a/b", `{"state":"Suspended"}`, 200, whole, false},
		"SuspendWithName": {"PUT", "/accounts/a/b", `{"state":"Suspended","userName":"u"}`, 200, whole, true},
		"NoName":          {"PUT", "/accounts/a/b", `{"state":"Active"}`, 200, whole, true},
		"NullRoles":       {"PUT", "/accounts/a/b", `{"state":"Active","userName":"u","roles":null}`, 200, whole, true},
		"OtherState":      {"GET", "/accounts/a/b", "", 200, strings.Replace(whole, "Active", "Locked", 1), true},
		"NoRoles":         {"GET", "/accounts/a/b", "", 200, strings.Replace(whole, `"roles":[],`, "", 1), true},
		"NumberInRoles":   {"GET", "/accounts/a/b", "", 200, strings.Replace(whole, `[]`, "[1]", 1), true},
		"NumberInProfile": {"GET", "/accounts/a/b", "", 200, strings.Replace(whole, `{}}`, `{"a":1}}`, 1), true},
		"NoID":            {"GET", "/accounts/a/b", "", 200, strings.Replace(whole, `"1"`, `""`, 1), true},
		"OtherKind":       {"GET", "/accounts/a/b", "", 404, `{"kind":"Conflict"}`, true},
		"BodyOfDelete":    {"DELETE", "/accounts/a/b", "", 204, whole, true},
		"OtherSuccess":    {"DELETE", "/accounts/a/b", "", 202, "", true},
		"OtherPath":       {"GET", "/accounts/a", "", 200, whole, true},
		"OtherMethod":     {"PATCH", "/accounts/a/b", "", 200, whole, true},
		"OtherParameter":  {"GET", "/accounts?page=1", "", 200, `{"cursor":"","accounts":[],"next":""}`, true},
		"NoNumber":        {"GET", "/accounts?limit=x", "", 200, `{"cursor":"","accounts":[],"next":""}`, true},
		"Zero":            {"GET", "/accounts?limit=0", "", 200, `{"cursor":"","accounts":[],"next":""}`, true},
		"NoNext":          {"GET", "/accounts?limit=1", "", 200, `{"cursor":"","accounts":[]}`, true},
		"Find":            {"POST", "/find", `{"key":"Email","value":"u"}`, 200, `{"key":"Email","value":"u","accounts":[]}`, false},
		"FindForNobody":   {"POST", "/find", `{"key":"Email","value":"u"}`, 200, `{"accounts":[]}`, true},
		"RevokeOfNobody":  {"POST", "/accounts/a/b/revoke", "", 200, `{"sessions":"Revoked","tokens":"Revoked"}`, true},
		"NoCursor":        {"GET", "/accounts?limit=1", "", 200, `{"accounts":[],"next":""}`, true},
		"List":            {"GET", "/accounts?limit=1", "", 200, `{"cursor":"","accounts":[` + whole + `],"next":""}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequest(tc.method, "https://app.example.com"+tc.path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.judge(r, r.URL.Path, []byte(tc.body), tc.status, []byte(tc.answer)); (err != nil) != tc.wrong {
				t.Errorf("judge: %v", err)
			}
		})
	}
}
