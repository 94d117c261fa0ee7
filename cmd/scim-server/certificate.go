// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"path/filepath"

	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
)

// watchCertificate reads the certificate and the key in dir, named as in a Secret of type kubernetes.io/tls; without dir it
// returns nil. Once it is started, the watcher reads them again whenever they change. As long as they do not fit together it
// goes on with those that it has, and says so in the log.
func watchCertificate(dir string) (*certwatcher.CertWatcher, error) {
	if dir == "" {
		return nil, nil
	}
	watcher, err := certwatcher.New(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	if err != nil {
		return nil, fmt.Errorf("load the certificate of --tls-cert-dir, which needs tls.crt and tls.key: %w", err)
	}
	return watcher, nil
}
