// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// installed is a file that is there when everything else is.
const installed = ".installed"

// Node makes sure that what programs holds, which runs in Node.js, and the packages of its package-lock.json are in a folder of the user's cache,
// and returns the folder and the path of node. The name is part of the folder's. The packages come from the npm registry, without their scripts.
func Node(ctx context.Context, o Options, name string, programs fs.FS) (dir, node string, err error) {
	if err := needNode(ctx, o); err != nil {
		return "", "", err
	}
	if node, err = exec.LookPath("node"); err != nil {
		return "", "", fmt.Errorf("find node: %w", err)
	}
	dir, err = install(ctx, o, name, programs)
	return dir, node, err
}

// needNode makes sure that node and npm are there: those that are on PATH, or else Debian's.
func needNode(ctx context.Context, o Options) error {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return Debian(ctx, o, "nodejs", "npm")
		}
	}
	return nil
}

func install(ctx context.Context, o Options, name string, programs fs.FS) (dir string, err error) {
	if dir, err = folder(name, programs); err != nil {
		return "", err
	}
	unlock, err := lockDir(dir)
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(filepath.Join(dir, installed)); err == nil {
		return dir, nil
	}
	o.Say("install " + name + " from the npm registry")
	if err := unpack(dir, programs); err != nil {
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
func folder(name string, programs fs.FS) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache of the user: %w", err)
	}
	sum := sha256.New()
	err = eachProgram(programs, func(_ string, content []byte) error {
		_, err := sum.Write(content)
		return err
	})
	dir := filepath.Join(cache, "scim-operator", name+"-"+hex.EncodeToString(sum.Sum(nil))[:16])
	return dir, errors.Join(err, os.MkdirAll(dir, 0o700))
}

func eachProgram(programs fs.FS, f func(name string, content []byte) error) error {
	return fs.WalkDir(programs, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(programs, path)
		if err != nil {
			return err
		}
		return f(entry.Name(), content)
	})
}

func unpack(dir string, programs fs.FS) error {
	return eachProgram(programs, func(name string, content []byte) error {
		return os.WriteFile(filepath.Join(dir, name), content, 0o600)
	})
}

// lockDir keeps tests of several packages from installing at the same time.
func lockDir(dir string) (unlock func(), err error) {
	file, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, err), file.Close())
	}
	return func() { _ = file.Close() }, nil
}
