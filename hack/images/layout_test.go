// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// descriptor points at a blob of an OCI image layout.
type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
}

// manifest is an image, or an index of several.
type manifest struct {
	Manifests []descriptor `json:"manifests"`
	Config    descriptor   `json:"config"`
	Layers    []descriptor `json:"layers"`
}

// configuration says how an image is run.
type configuration struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Config       struct {
		Entrypoint, Cmd, Env []string
		User                 string
	} `json:"config"`
}

// image is one of a layout.
type image struct {
	digest string
	configuration
	layers []descriptor
}

// layout is a directory as of the OCI image layout specification.
type layout string

func (l layout) blob(digest string) string {
	return filepath.Join(string(l), "blobs", filepath.FromSlash(strings.Replace(digest, ":", "/", 1)))
}

func decode(t *testing.T, path string, to any) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(content, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// images are all of them, by program and architecture: "scim-server amd64".
func (l layout) images(t *testing.T) map[string]image {
	t.Helper()
	var top manifest
	decode(t, filepath.Join(string(l), "index.json"), &top)
	found := map[string]image{}
	for open := top.Manifests; len(open) > 0; open = open[1:] {
		var m manifest
		decode(t, l.blob(open[0].Digest), &m)
		open = append(open, m.Manifests...)
		if len(m.Manifests) > 0 {
			continue
		}
		i := image{digest: open[0].Digest, layers: m.Layers}
		decode(t, l.blob(m.Config.Digest), &i.configuration)
		if len(i.Config.Entrypoint) != 1 {
			t.Fatalf("%s has the entry point %q", i.digest, i.Config.Entrypoint)
		}
		found[filepath.Base(i.Config.Entrypoint[0])+" "+i.Architecture] = i
	}
	return found
}

// size is what is pulled.
func (i image) size() (sum int64) {
	for _, layer := range i.layers {
		sum += layer.Size
	}
	return sum
}

// extract writes the files of an image that are programs of ours into a directory, and returns the paths of all files.
func (l layout) extract(t *testing.T, i image, to string) (paths []string) {
	t.Helper()
	for _, layer := range i.layers {
		file, err := os.Open(l.blob(layer.Digest))
		if err != nil {
			t.Fatal(err)
		}
		unzipped, err := gzip.NewReader(file)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, extractLayer(t, tar.NewReader(unzipped), to)...)
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

func extractLayer(t *testing.T, files *tar.Reader, to string) (paths []string) {
	t.Helper()
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return paths
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeDir {
			continue
		}
		paths = append(paths, header.Name)
		if !strings.Contains(header.Name, "ko-app/") {
			continue
		}
		program, err := os.Create(filepath.Join(to, filepath.Base(header.Name)))
		if err == nil {
			_, err = io.Copy(program, files)
		}
		if err = errors.Join(err, program.Close()); err != nil {
			t.Fatal(err)
		}
	}
}
