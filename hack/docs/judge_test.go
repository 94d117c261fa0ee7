// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/command"
)

// judge says what is wrong with a call that testdata/terminal.sh has written down.
func judge(t *testing.T, args []string) error {
	t.Helper()
	switch args[0] {
	case "kubectl":
		if args[1] == "scim" {
			return judgePlugin(args[2:])
		}
		return judgeAnnotations(t, args)
	case "go":
		call, err := newGoCall(args[1:])
		if err != nil {
			return err
		}
		return call.judge(t)
	default: // one of others
		return nil
	}
}

// judgeAnnotations finds a misspelt annotation of ours, which Kubernetes would keep like any other.
func judgeAnnotations(t *testing.T, args []string) error {
	t.Helper()
	known := annotations(t)
	for _, arg := range args {
		key, _, _ := strings.Cut(strings.TrimSuffix(arg, "-"), "=")
		if strings.HasPrefix(key, v1alpha1.Group+"/") && known[key] == "" {
			return fmt.Errorf("there is no annotation %s", key)
		}
	}
	return nil
}

// judgePlugin has the plugin parse what follows `kubectl scim`.
func judgePlugin(args []string) error {
	plugin := command.New(cli.NewEnv(genericiooptions.NewTestIOStreamsDiscard(), clocktesting.NewFakePassiveClock(time.Time{})))
	called, rest, err := plugin.Find(args)
	if err != nil {
		return err
	}
	called.InitDefaultHelpFlag()
	if err := called.ParseFlags(rest); err != nil || slices.Contains(rest, "--help") {
		return err
	}
	return errors.Join(called.ValidateArgs(called.Flags().Args()), called.ValidateRequiredFlags(), called.ValidateFlagGroups())
}

// goCall is a call of go for a package of this repository.
type goCall struct {
	verb, dir, source string
	flags             []string
}

func newGoCall(args []string) (c goCall, err error) {
	at := slices.IndexFunc(args, func(arg string) bool { return strings.Contains(arg, "/") })
	if at < 1 {
		return c, fmt.Errorf("go %s names no package", strings.Join(args, " "))
	}
	c = goCall{verb: args[0], flags: slices.Concat(args[1:at], args[at+1:])}
	c.dir, _, _ = strings.Cut(strings.TrimPrefix(args[at], "github.com/scim-operator/scim-operator/"), "@")
	paths, err := filepath.Glob(filepath.Join(root, c.dir, "*.go"))
	if err != nil || len(paths) == 0 {
		return c, fmt.Errorf("there is no package %s", c.dir)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return c, err
		}
		c.source += string(content)
	}
	return c, nil
}

func (c goCall) judge(t *testing.T) error {
	t.Helper()
	switch c.verb {
	case "run":
		return c.judgeFlags(func(name string) bool { return strings.Contains(c.source, `"`+name+`", `) })
	case "test":
		help, err := exec.CommandContext(t.Context(), "go", "help", "testflag").Output()
		known := func(name string) bool { return name == "race" || strings.Contains(string(help), "\n\t-"+name) }
		return errors.Join(err, c.judgeFlags(known), c.judgeTests())
	case "install":
		return c.judgeFlags(func(string) bool { return false })
	default:
		return fmt.Errorf("nobody here knows go %s", c.verb)
	}
}

func (c goCall) judgeFlags(known func(name string) bool) error {
	for _, flag := range c.flags {
		name, is := strings.CutPrefix(flag, "-")
		if name, _, _ = strings.Cut(name, "="); is && !known(name) {
			return fmt.Errorf("there is no flag -%s of go %s %s", name, c.verb, c.dir)
		}
	}
	return nil
}

// judgeTests looks for the tests that are to be run. ^$ is none on purpose.
func (c goCall) judgeTests() error {
	for i, flag := range c.flags {
		if !slices.Contains([]string{"-run", "-fuzz", "-bench"}, flag) || i+1 == len(c.flags) || c.flags[i+1] == "^$" {
			continue
		}
		pattern, _, _ := strings.Cut(c.flags[i+1], "/")
		found, err := c.hasTest(pattern)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("%s has no test that matches %s", c.dir, pattern)
		}
	}
	return nil
}

func (c goCall) hasTest(pattern string) (bool, error) {
	wanted, err := regexp.Compile(pattern)
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(c.source) {
		name, is := strings.CutPrefix(line, "func ")
		name, _, _ = strings.Cut(name, "(")
		if is && wanted.MatchString(name) && slices.ContainsFunc([]string{"Test", "Fuzz", "Benchmark"}, func(kind string) bool { return strings.HasPrefix(name, kind) }) {
			return true, nil
		}
	}
	return false, nil
}
