// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const (
	etcdProgram              = "etcd"
	apiServerProgram         = "kube-apiserver"
	controllerManagerProgram = "kube-controller-manager"

	// linkPath and scriptPath are relative to the root of the repository.
	linkPath   = "bin/controlplane"
	scriptPath = "hack/controlplane/build.sh"
)

// binaries finds the programs of the control plane.
type binaries struct {
	// dirs are searched in this order.
	dirs []string
}

// findBinaries knows three places: KUBEBUILDER_ASSETS if it holds etcd and kube-apiserver, whose versions belong
// together; bin/controlplane in the working directory or a parent; and the cache that build.sh fills for all checkouts.
func findBinaries() (binaries, error) {
	var b binaries
	if dir := os.Getenv("KUBEBUILDER_ASSETS"); dir != "" && isFile(dir, etcdProgram) && isFile(dir, apiServerProgram) {
		b.dirs = append(b.dirs, dir)
	}
	working, err := os.Getwd()
	if err != nil {
		return b, fmt.Errorf("find the repository: %w", err)
	}
	root, found := ancestorWith(working, scriptPath)
	if !found {
		return b, nil
	}
	b.dirs = append(b.dirs, filepath.Join(root, linkPath))
	if dir, err := exec.Command(filepath.Join(root, scriptPath), "--print-dir").Output(); err == nil {
		b.dirs = append(b.dirs, string(bytes.TrimSpace(dir)))
	}
	return b, nil
}

func (b binaries) path(program string) (string, error) {
	for _, dir := range b.dirs {
		if isFile(dir, program) {
			return filepath.Join(dir, program), nil
		}
	}
	return "", fmt.Errorf("find %s in %q: %w: build it by `make controlplane`", program, b.dirs, os.ErrNotExist)
}

// ancestorWith returns the closest of dir and its parents that holds the file.
func ancestorWith(dir, file string) (string, bool) {
	for ; ; dir = filepath.Dir(dir) {
		if isFile(dir, file) {
			return dir, true
		}
		if dir == filepath.Dir(dir) {
			return "", false
		}
	}
}

func isFile(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && info.Mode().IsRegular()
}
