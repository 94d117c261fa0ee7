// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/scim-operator/scim-operator/hack/apps"
)

// programs are the applications and the versions of what they are made of.
//
//go:embed server/*.mjs server/package.json server/package-lock.json
var programs embed.FS

// installed is a file that is there when everything else is.
const installed = ".installed"

// needNode makes sure that node and npm are there: those that are on PATH, or else Debian's.
func needNode(ctx context.Context, o apps.Options) error {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return apps.Debian(ctx, o, "nodejs", "npm")
		}
	}
	return nil
}

// install makes sure that the applications and their packages are in a folder of the user's cache, and returns it. The packages come from the
// npm registry, without their scripts.
func install(ctx context.Context, o apps.Options) (dir string, err error) {
	if err := needNode(ctx, o); err != nil {
		return "", err
	}
	if dir, err = folder(); err != nil {
		return "", err
	}
	unlock, err := lock(dir)
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(filepath.Join(dir, installed)); err == nil {
		return dir, nil
	}
	o.Say("install SCIM servers from the npm registry")
	if err := unpack(dir); err != nil {
		return "", err
	}
	command := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	command.Dir = dir
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("run npm ci: %w: %s", err, output)
	}
	return dir, os.WriteFile(filepath.Join(dir, installed), nil, 0o600)
}

// folder is one for exactly these programs and versions.
func folder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache of the user: %w", err)
	}
	sum := sha256.New()
	err = eachProgram(func(_ string, content []byte) error {
		_, err := sum.Write(content)
		return err
	})
	dir := filepath.Join(cache, "scim-operator", "scim-apps-"+hex.EncodeToString(sum.Sum(nil))[:16])
	return dir, errors.Join(err, os.MkdirAll(dir, 0o700))
}

func eachProgram(f func(name string, content []byte) error) error {
	return fs.WalkDir(programs, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := programs.ReadFile(path)
		if err != nil {
			return err
		}
		return f(entry.Name(), content)
	})
}

func unpack(dir string) error {
	return eachProgram(func(name string, content []byte) error {
		return os.WriteFile(filepath.Join(dir, name), content, 0o600)
	})
}

// lock keeps tests of several packages from installing at the same time.
func lock(dir string) (unlock func(), err error) {
	file, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, err), file.Close())
	}
	return func() { _ = file.Close() }, nil
}
