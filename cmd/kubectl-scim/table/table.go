// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package table is what a command shows: rows of text under columns, made by pure functions out of objects, and written in the way of
// kubectl or as CSV.
//
// Cells are kept as they are. What must not reach a terminal, or a spreadsheet, is escaped where they are written.
package table

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/printers"
)

// Column is the title of a column.
type Column struct {
	// Name in the form of a title: "Last Used".
	Name string
	// Wide columns are shown with -o wide and in CSV only.
	Wide bool
}

// Table is rows of cells, each as long as Columns.
type Table struct {
	Columns []Column
	Rows    [][]string
}

// New returns a table without rows. A column whose name begins with "+" is wide.
func New(columns ...string) *Table {
	t := &Table{}
	for _, name := range columns {
		title, wide := strings.CutPrefix(name, "+")
		t.Columns = append(t.Columns, Column{Name: title, Wide: wide})
	}
	return t
}

// Add adds a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// Sort sorts by a column, and among equals by what was before. The name is that of the column in any case, with or without spaces or
// underscores.
func (t *Table) Sort(column string) error {
	key := func(s string) string { return strings.ReplaceAll(header(s), "_", "") }
	i := slices.IndexFunc(t.Columns, func(c Column) bool { return key(c.Name) == key(column) })
	if i < 0 {
		return fmt.Errorf("there is no column %q to sort by: %s", column, strings.Join(t.names(), ", "))
	}
	slices.SortStableFunc(t.Rows, func(a, b []string) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a[i]), strings.ToLower(b[i])), cmp.Compare(a[i], b[i]))
	})
	return nil
}

func (t *Table) names() (names []string) {
	for _, c := range t.Columns {
		names = append(names, header(c.Name))
	}
	return names
}

// header is the name of a column for programs: last_used.
func header(name string) string { return strings.ReplaceAll(strings.ToLower(name), " ", "_") }

// Options say how a table is written.
type Options struct {
	// Wide shows wide columns.
	Wide bool
	// NoHeaders leaves out the titles.
	NoHeaders bool
}

// Write writes the table as kubectl does, with "-" for what is empty. Nothing is written of a table without rows.
func (t *Table) Write(out io.Writer, o Options) error {
	rendered := &metav1.Table{}
	for _, c := range t.Columns {
		definition := metav1.TableColumnDefinition{Name: c.Name, Type: "string"}
		if c.Wide {
			definition.Priority = 1
		}
		rendered.ColumnDefinitions = append(rendered.ColumnDefinitions, definition)
	}
	for _, row := range t.Rows {
		cells := make([]any, len(row))
		for i, cell := range row {
			cells[i] = cmp.Or(Safe(cell), "-")
		}
		rendered.Rows = append(rendered.Rows, metav1.TableRow{Cells: cells})
	}
	return printers.NewTablePrinter(printers.PrintOptions{Wide: o.Wide, NoHeaders: o.NoHeaders}).PrintObj(rendered, out)
}

// WriteCSV writes the whole table as CSV (RFC 4180, with line feeds), the wide columns too. A spreadsheet takes a cell that begins like a formula for
// one, and names come from others: such a cell gets an apostrophe in front.
func (t *Table) WriteCSV(out io.Writer, o Options) error {
	w := csv.NewWriter(out)
	if !o.NoHeaders {
		if err := w.Write(t.names()); err != nil {
			return err
		}
	}
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = inert(Safe(cell))
		}
		if err := w.Write(cells); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
