// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
)

// version is what the plugin is.
type version struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	// API is the group and version of the kinds that it knows.
	API string `json:"api"`
}

func newVersion(e *cli.Env) *cobra.Command {
	output := cli.NewOutput(cli.FormatYAML, cli.FormatJSON)
	output.Format = cli.FormatYAML
	c := &cobra.Command{
		Use: "version", Short: "Show the version of the plugin",
		Example: "  kubectl scim version -o json",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return output.View(e.Out, versionOf(debug.ReadBuildInfo)) },
	}
	output.AddFlags(c)
	return c
}

func versionOf(read func() (*debug.BuildInfo, bool)) version {
	v := version{Version: "unknown", API: v1alpha1.GroupVersion.String()}
	info, ok := read()
	if !ok {
		return v
	}
	v.Version, v.Go = info.Main.Version, info.GoVersion
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			v.Revision = setting.Value
		}
	}
	return v
}
