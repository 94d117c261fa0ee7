// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"archive/tar"
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/hack/cluster"
)

const (
	root = "../.."
	user = "65532"
)

// TestImages builds both images for both architectures as `make images` does, but for the base, and looks into them.
func TestImages(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles four programs")
	}
	sboms := t.TempDir()
	built := build(t, baseImage(t), sboms)
	found := built.images(t)
	for _, program := range []string{"scim-server", "scim-controller"} {
		for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
			t.Run(program+"/"+arch, func(t *testing.T) {
				i, is := found[program+" "+arch]
				if !is || i.OS != "linux" {
					t.Fatalf("it is not there: got %v", found)
				}
				checkConfiguration(t, i)
				dir := t.TempDir()
				checkFiles(t, program, built.extract(t, i, dir))
				checkProgram(t, filepath.Join(dir, program), machine)
				checkSBOM(t, filepath.Join(dir, program), filepath.Join(sboms, program+"-linux-"+arch+".spdx.json"))
				t.Logf("%s: image %.1f MB compressed, program %.1f MB", i.digest, mega(i.size()), mega(sizeOf(t, filepath.Join(dir, program))))
				if arch == "amd64" {
					checkReproducible(t, program, filepath.Join(dir, program))
				}
			})
		}
	}
}

func mega(bytes int64) float64 { return float64(bytes) / 1e6 }

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// checkConfiguration: no root, no shell, nothing of the machine that built it.
func checkConfiguration(t *testing.T, i image) {
	t.Helper()
	if i.Config.User != user {
		t.Errorf("it runs as %q, want the numeric %s: a kubelet refuses names with runAsNonRoot", i.Config.User, user)
	}
	for _, variable := range i.Config.Env {
		if name, _, _ := strings.Cut(variable, "="); !slices.Contains([]string{"PATH", "KO_DATA_PATH", "SSL_CERT_FILE"}, name) {
			t.Errorf("it sets %q", variable)
		}
	}
}

// checkFiles: the program and what the base has.
func checkFiles(t *testing.T, program string, paths []string) {
	t.Helper()
	for i := range paths {
		paths[i] = strings.TrimPrefix(paths[i], "/")
	}
	slices.Sort(paths)
	if diff := cmp.Diff([]string{"etc/passwd", "ko-app/" + program}, paths); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// checkProgram: for the right machine, static, and without symbols.
func checkProgram(t *testing.T, path string, machine elf.Machine) {
	t.Helper()
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if file.Machine != machine {
		t.Errorf("it is for %v, want %v", file.Machine, machine)
	}
	if slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		t.Error("it needs a dynamic linker, which the base does not have")
	}
	if file.Section(".symtab") != nil {
		t.Error("it is not stripped")
	}
}

// checkSBOM compares the modules of the SBOM with those that the program itself says it is made of (OPS-16).
func checkSBOM(t *testing.T, program, sbom string) {
	t.Helper()
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{}
	for _, module := range info.Deps {
		want = append(want, module.Path+" "+module.Version)
	}
	var document struct {
		Packages []struct {
			Name        string `json:"name"`
			VersionInfo string `json:"versionInfo"`
			SPDXID      string `json:"SPDXID"`
		} `json:"packages"`
	}
	decode(t, sbom, &document)
	got := []string{}
	for _, p := range document.Packages {
		if strings.Contains(p.Name, ".") && strings.Contains(p.Name, "/") && !strings.Contains(p.Name, "@sha256:") && p.Name != info.Main.Path {
			got = append(got, p.Name+" "+p.VersionInfo)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, slices.Compact(got)); diff != "" || len(want) < 20 {
		t.Errorf("modules (-program +SBOM):\n%s", diff)
	}
}

// checkReproducible builds the program once more, from a copy of the sources elsewhere, without ko.
func checkReproducible(t *testing.T, program, path string) {
	t.Helper()
	elsewhere := t.TempDir()
	must(t, "sh", "-c", "cd "+root+" && git ls-files -z --cached --others --exclude-standard -- '*.go' '*.mod' '*.sum' '*.json' '*.yaml' | "+
		"tar --null --files-from=- -cf - | tar -C "+elsewhere+" -xf -")
	again := filepath.Join(elsewhere, "again")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", again, "./cmd/"+program)
	cmd.Dir, cmd.Env = elsewhere, append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	one, err := os.ReadFile(path)
	two, errTwo := os.ReadFile(again)
	if err := errors.Join(err, errTwo); err != nil || !bytes.Equal(one, two) {
		t.Errorf("two builds differ: %d and %d bytes, %v", len(one), len(two), err)
	}
}

func must(t *testing.T, name string, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", filepath.Base(name), strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimSpace(string(output))
}

// tool is a program that hack/tools/ko pins; go builds it once and caches it.
func tool(t *testing.T, module string) string {
	t.Helper()
	return must(t, "go", "tool", "-modfile="+root+"/hack/tools/ko/go.mod", "-n", module)
}

// build runs ko with .ko.yaml, and that base.
func build(t *testing.T, base, sboms string) layout {
	t.Helper()
	const to = "bin/images-test" // ko makes a reference of the path, and in one no letter may be upper case
	path := filepath.Join(root, to)
	if err := errors.Join(os.RemoveAll(path), os.MkdirAll(path, 0o750)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(path) })
	ko := exec.CommandContext(t.Context(), tool(t, "github.com/google/ko"), "build", "--push=false", "--base-import-paths", "--oci-layout-path="+to,
		"--sbom-dir="+sboms, "./cmd/scim-server", "./cmd/scim-controller")
	ko.Dir, ko.Env = root, append(os.Environ(), "KO_DEFAULTBASEIMAGE="+base, "KO_DOCKER_REPO="+filepath.Dir(base))
	if output, err := ko.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return layout(path)
}

// baseImage stands in for the one of .ko.yaml: it has a user and nothing else, for both architectures, in a registry on loopback.
func baseImage(t *testing.T) string {
	t.Helper()
	crane, registry := tool(t, "github.com/google/go-containerregistry/cmd/crane"), startRegistry(t)
	layer := filepath.Join(t.TempDir(), "base.tar")
	writeBase(t, layer)
	index := []string{"index", "append", "-t", registry + "/base:latest"}
	for _, arch := range []string{"amd64", "arm64"} {
		one := registry + "/base:" + arch
		must(t, crane, "append", "--oci-empty-base", "-f", layer, "-t", one)
		must(t, crane, "mutate", "--user="+user, "--set-platform=linux/"+arch, "-t", one, one)
		index = append(index, "-m", one)
	}
	must(t, crane, index...)
	return registry + "/base:latest"
}

func writeBase(t *testing.T, path string) {
	t.Helper()
	const passwd = "nonroot:x:" + user + ":" + user + ":nonroot:/home/nonroot:/sbin/nologin\n"
	var content bytes.Buffer
	archive := tar.NewWriter(&content)
	err := archive.WriteHeader(&tar.Header{Name: "etc/passwd", Mode: 0o644, Size: int64(len(passwd))})
	_, errWrite := io.WriteString(archive, passwd)
	if err := errors.Join(err, errWrite, archive.Close(), os.WriteFile(path, content.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// startRegistry returns its address.
func startRegistry(t *testing.T) string {
	t.Helper()
	address := cluster.FreeAddress(t)
	process, err := cluster.StartProcess(t.Context(), cluster.ProcessConfig{
		Name: "registry", Path: tool(t, "github.com/google/go-containerregistry/cmd/crane"), Args: []string{"registry", "serve", "--address=" + address},
		Ready: cluster.ReadyURL("http://"+address+"/v2/", nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = process.Kill() })
	return address
}
