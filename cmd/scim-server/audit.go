// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/scim-operator/scim-operator/scimserver/audit"
	"github.com/scim-operator/scim-operator/scimserver/metrics"
)

// auditing is where records of changes go; the zero auditing is nowhere.
type auditing struct {
	log  *audit.Log
	file *os.File // nil for stdout
}

// openAudit opens what --audit-log says. A file is appended to, and made so that nobody else may read it.
func openAudit(path string, stdout io.Writer, counted *metrics.Metrics, log *slog.Logger) (a auditing, err error) {
	out := stdout
	switch path {
	case "":
		return auditing{}, nil
	case auditStdout:
	default:
		if a.file, err = os.OpenFile(filepath.Clean(path), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
			return auditing{}, fmt.Errorf("open the audit log: %w", err)
		}
		out = a.file
	}
	a.log = audit.Open(audit.Options{Writer: out, Log: log, Lost: counted.AuditDropped, After: time.After, Now: time.Now})
	return a, nil
}

// record is httpapi.Options.Audit: nil if there is no audit log.
func (a auditing) record() func(audit.Record) {
	if a.log == nil {
		return nil
	}
	return a.log.Write
}

// close writes what waits. No request is under way any more.
func (a auditing) close() error {
	if a.log == nil {
		return nil
	}
	err := a.log.Close()
	if a.file != nil {
		err = errors.Join(err, a.file.Close())
	}
	return err
}
