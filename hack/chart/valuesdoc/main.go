// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command valuesdoc writes a Markdown page about the values of a Helm chart: valuesdoc values.yaml > values.md. What a value means is the comment
// at its key; one without a comment is an error.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "valuesdoc:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("give one argument: the path of a values.yaml")
	}
	content, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	page, err := document(content)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	_, err = io.WriteString(out, page)
	return err
}

const head = "# Values of the chart\n\nGenerated from `charts/scim-operator/values.yaml` by `make generate`. Unknown values are refused.\n"

// document makes the page: a table for each top-level key that has others below it, and one for those that have none.
func document(values []byte) (string, error) {
	var parsed yaml.Node
	if err := yaml.Unmarshal(values, &parsed); err != nil {
		return "", err
	}
	if len(parsed.Content) != 1 || parsed.Content[0].Kind != yaml.MappingNode {
		return "", errors.New("it is no mapping")
	}
	var general, sections strings.Builder
	for key, value := range entries(parsed.Content[0]) {
		to := &general
		if branches(value) {
			to = &sections
			fmt.Fprintf(to, "\n## %s\n\n%s\n\n%s", key.Value, meaning(key), tableHead)
		}
		if err := rows(to, "", key, value); err != nil {
			return "", err
		}
	}
	return head + "\n## General\n\n" + tableHead + general.String() + sections.String(), nil
}

const tableHead = "| value | default | meaning |\n|---|---|---|\n"

// rows writes the row of a value, or those of the values below it.
func rows(to *strings.Builder, above string, key, value *yaml.Node) error {
	plain := strings.NewReplacer("|", `\|`, "<", `\<`) // neither the end of a cell nor HTML
	path := above + key.Value
	if meaning(key) == "" {
		return fmt.Errorf("line %d: %s has no comment that says what it means", key.Line, path)
	}
	if !branches(value) {
		literal, err := literalOf(value)
		if err != nil {
			return fmt.Errorf("line %d: %w", value.Line, err)
		}
		fmt.Fprintf(to, "| `%s` | `%s` | %s |\n", path, literal, plain.Replace(meaning(key)))
		return nil
	}
	if above != "" {
		fmt.Fprintf(to, "| `%s` | | %s |\n", path, meaning(key))
	}
	for below, value := range entries(value) {
		if err := rows(to, path+".", below, value); err != nil {
			return err
		}
	}
	return nil
}

// branches reports whether the values below one have comments of their own. A mapping without any is given as a whole, like resources.
func branches(value *yaml.Node) bool {
	if value.Kind != yaml.MappingNode {
		return false
	}
	for key := range entries(value) {
		if meaning(key) != "" {
			return true
		}
	}
	return false
}

// entries of a mapping, in their order.
func entries(mapping *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(mapping.Content); i += 2 {
			if !yield(mapping.Content[i], mapping.Content[i+1]) {
				return
			}
		}
	}
}

// meaning is the comment right above a key, as one line. A comment that an empty line parts from it is about something else.
func meaning(key *yaml.Node) string {
	paragraphs := strings.Split(key.HeadComment, "\n\n")
	lines := strings.Split(paragraphs[len(paragraphs)-1], "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(lines[i]), "#"))
	}
	return strings.TrimSpace(strings.Join(lines, " "))
}

// literalOf is a value on one line, as JSON, which is YAML too.
func literalOf(value *yaml.Node) (string, error) {
	var decoded any
	if err := value.Decode(&decoded); err != nil {
		return "", err
	}
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(decoded)
	return strings.TrimSpace(line.String()), err
}
