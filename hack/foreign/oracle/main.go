// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command oracle says what scimserver/scim makes of filters and patches, for comparison with other implementations. It reads
// one JSON object a line, {"resource", "filter"} or {"resource", "operations"}, and answers each by a line: {"match"},
// {"resource"} or {"error"}, a scimType.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// maxLine is far above what anybody sends here.
const maxLine = 1 << 20

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

// question is one line of input.
type question struct {
	Resource   json.RawMessage `json:"resource"`
	Filter     *string         `json:"filter"`
	Operations json.RawMessage `json:"operations"`
}

// answer is one line of output.
type answer struct {
	Match    *bool          `json:"match,omitempty"`
	Resource map[string]any `json:"resource,omitempty"`
	Error    string         `json:"error,omitempty"`
}

func run(in io.Reader, out io.Writer) error {
	lines, encoder := bufio.NewScanner(in), json.NewEncoder(out)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			return fmt.Errorf("read a question: %w", err)
		}
		a, err := q.answer()
		if err != nil {
			a = answer{Error: kind(err)}
		}
		if err := encoder.Encode(a); err != nil {
			return err
		}
	}
	return lines.Err()
}

// kind is the scimType of an error, or its text if it has none.
func kind(err error) string {
	var e *scim.Error
	if errors.As(err, &e) && e.Type != "" {
		return string(e.Type)
	}
	return err.Error()
}

func (q question) answer() (answer, error) {
	rt := scim.UserResourceType()
	raw, err := scim.Decode(q.Resource)
	if err != nil {
		return answer{}, err
	}
	resource, err := rt.Parse(raw)
	if err != nil {
		return answer{}, err
	}
	if q.Filter != nil {
		filter, err := scim.ParseFilter(rt, *q.Filter)
		match := err == nil && filter.Match(resource, scim.Common{})
		return answer{Match: &match}, err
	}
	body, err := scim.Decode([]byte(fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":%s}`, q.Operations)))
	if err != nil {
		return answer{}, err
	}
	patch, err := scim.ParsePatch(rt, body)
	if err != nil {
		return answer{}, err
	}
	patched, err := patch.Apply(rt, resource)
	return answer{Resource: patched}, err
}
