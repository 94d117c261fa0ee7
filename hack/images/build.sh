#!/usr/bin/env bash
# Copyright The scim-operator Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Builds both images by ko as .ko.yaml says, tagged with the appVersion of the chart. With KO_DOCKER_REPO, such as ghcr.io/scim-operator, they are
# pushed there; without it they become an OCI image layout in bin/images. Either way the base image is pulled from its registry; KO_DEFAULTBASEIMAGE
# names another one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version="$(sed -n 's/^appVersion: //p' charts/scim-operator/Chart.yaml)"
to=(--push=true)
if [ -z "${KO_DOCKER_REPO:-}" ]; then
  rm -rf bin/images
  mkdir -p bin/images
  to=(--push=false --oci-layout-path=bin/images)
  export KO_DOCKER_REPO=images.invalid # a name, nothing more
fi
mkdir -p bin/sbom
go tool -modfile=hack/tools/ko/go.mod github.com/google/ko build "${to[@]}" --base-import-paths --tags="$version" --sbom-dir=bin/sbom \
  ./cmd/scim-server ./cmd/scim-controller
