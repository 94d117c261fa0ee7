// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apps

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Debian makes sure that these Debian packages are installed: it installs what is missing when it runs as root, and says what is missing
// otherwise. No service of theirs is started.
func Debian(ctx context.Context, o Options, packages ...string) error {
	missing := missingPackages(ctx, packages)
	if len(missing) == 0 {
		return nil
	}
	list := strings.Join(missing, " ")
	if os.Geteuid() != 0 {
		return fmt.Errorf("the Debian packages %s are missing: install them with `apt-get install %s`, or run this as root", list, list)
	}
	unlock, err := lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if missing = missingPackages(ctx, packages); len(missing) == 0 { // somebody else was faster
		return nil
	}
	o.Say("install the Debian packages " + strings.Join(missing, " "))
	if err := aptGet(ctx, "update", "-qq"); err != nil {
		return err
	}
	return aptGet(ctx, append([]string{"install", "-y", "-qq", "--no-install-recommends"}, missing...)...)
}

func missingPackages(ctx context.Context, packages []string) []string {
	var missing []string
	for _, name := range packages {
		out, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${db:Status-Abbrev}", name).Output()
		if err != nil || !strings.HasPrefix(string(out), "ii") {
			missing = append(missing, name)
		}
	}
	return missing
}

// aptGet runs apt-get. In run level 1 no package starts a service.
func aptGet(ctx context.Context, args ...string) error {
	command := exec.CommandContext(ctx, "apt-get", append([]string{"-o", "DPkg::Lock::Timeout=300"}, args...)...)
	command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1")
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Run(); err != nil {
		return fmt.Errorf("run apt-get %s: %w: %s", args[0], err, output.String())
	}
	return nil
}

// lock keeps tests of several packages from installing at the same time.
func lock(ctx context.Context) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(os.TempDir(), "scim-operator-apt.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	locked := make(chan error, 1)
	go func() { locked <- syscall.Flock(int(file.Fd()), syscall.LOCK_EX) }()
	select {
	case err = <-locked:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lock %s: %w", file.Name(), err)
	}
	return func() { _ = file.Close() }, nil
}
