// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/yaml"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/table"
)

// Format is what -o says.
type Format string

// The formats. A command has those that make sense for it.
const (
	FormatTable Format = "table"
	FormatWide  Format = "wide"
	FormatCSV   Format = "csv"
	FormatName  Format = "name"
	FormatJSON  Format = "json"
	FormatYAML  Format = "yaml"
)

// Output is the flag -o of a command, and writes what it says.
type Output struct {
	// Format is one of those of the command.
	Format    Format
	formats   []Format
	noHeaders bool
}

// NewOutput returns an Output that shows a table unless the caller wants another of these formats.
func NewOutput(formats ...Format) *Output { return &Output{formats: formats} }

// AddFlags adds -o and --no-headers to a command.
func (o *Output) AddFlags(c *cobra.Command) {
	names := make([]string, len(o.formats))
	for i, format := range o.formats {
		names[i] = string(format)
	}
	c.Flags().VarP(o, "output", "o", "how to show it: "+strings.Join(names, ", "))
	c.Flags().BoolVar(&o.noHeaders, "no-headers", false, "show tables without their headers")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
}

// String, Set and Type are those of a flag.
func (o *Output) String() string { return string(o.Format) }

// Type is what the help calls the value.
func (o *Output) Type() string { return "format" }

// Set refuses what the command has no format for.
func (o *Output) Set(value string) error {
	if o.Format = Format(value); !slices.Contains(o.formats, o.Format) {
		return fmt.Errorf("the formats are %v", o.formats)
	}
	return nil
}

// ForPeople reports whether a person reads it, and not a program.
func (o *Output) ForPeople() bool {
	return o.Format == "" || o.Format == FormatTable || o.Format == FormatWide
}

// Table writes a table, as one for people or as CSV.
func (o *Output) Table(to io.Writer, t *table.Table) error {
	options := table.Options{Wide: o.Format == FormatWide, NoHeaders: o.noHeaders}
	if o.Format == FormatCSV {
		return t.WriteCSV(to, options)
	}
	return t.Write(to, options)
}

// View writes something that is no object as JSON or YAML.
func (o *Output) View(to io.Writer, view any) error {
	if o.Format == FormatYAML {
		text, err := yaml.Marshal(view)
		if err == nil {
			_, err = to.Write(text)
		}
		return err
	}
	text, err := json.MarshalIndent(view, "", "    ")
	if err == nil {
		_, err = to.Write(append(table.SafeJSON(text), '\n'))
	}
	return err
}

// Objects writes objects as a List, in JSON or YAML, or their names: what kubectl get would write.
func Objects[T client.Object](o *Output, c *Client, to io.Writer, objects []T) error {
	list := struct {
		APIVersion string   `json:"apiVersion"`
		Kind       string   `json:"kind"`
		Metadata   struct{} `json:"metadata"`
		Items      []T      `json:"items"`
	}{APIVersion: "v1", Kind: "List", Items: []T{}}
	for _, object := range objects {
		if o.Format == FormatName {
			if _, err := fmt.Fprintln(to, c.name(object)); err != nil {
				return err
			}
			continue
		}
		object.SetManagedFields(nil)
		if gvk, err := apiutil.GVKForObject(object, c.c.Scheme()); err == nil {
			object.GetObjectKind().SetGroupVersionKind(gvk)
		}
		list.Items = append(list.Items, object)
	}
	if o.Format == FormatName {
		return nil
	}
	return o.View(to, list)
}

// name is what kubectl calls an object: scimuser.scim-operator.dev/5f0c0f0e.
func (c *Client) name(o client.Object) string {
	gvk, err := apiutil.GVKForObject(o.(runtime.Object), c.c.Scheme())
	if err != nil {
		return o.GetName()
	}
	return strings.ToLower(gvk.Kind) + "." + gvk.Group + "/" + o.GetName()
}
