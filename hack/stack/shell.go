// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/scim-operator/scim-operator/hack/cluster"
)

// Run runs commands of the documentation as the admin of the cluster would, by bash, in dir, with kubectl and helm, and returns what they wrote.
// They stop at the first that fails.
func (s *Stack) Run(ctx context.Context, dir, commands string) (output string, err error) {
	tools, err := s.tools(ctx)
	if err != nil {
		return "", err
	}
	bash := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", commands)
	bash.Dir = dir
	bash.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(tools, "kubeconfig"), "USER=admin",
		"HELM_CACHE_HOME="+tools, "HELM_CONFIG_HOME="+tools, "HELM_DATA_HOME="+tools, "PATH="+tools+":"+os.Getenv("PATH"))
	text, err := bash.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w:\n%s\n%s", err, commands, text)
	}
	return string(text), err
}

// tools makes a directory with the programs that people have, and the admin's kubeconfig.
func (s *Stack) tools(ctx context.Context) (dir string, err error) {
	dir = filepath.Join(s.dir, "tools")
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	helm, err := Helm(ctx)
	if err != nil {
		return "", err
	}
	kubectl, err := Kubectl()
	if err := errors.Join(err, os.MkdirAll(dir, 0o700)); err != nil {
		return "", err
	}
	return dir, errors.Join(
		os.Symlink(helm, filepath.Join(dir, "helm")), os.Symlink(kubectl, filepath.Join(dir, "kubectl")),
		cluster.WriteKubeconfig(filepath.Join(dir, "kubeconfig"), s.Admin),
	)
}
