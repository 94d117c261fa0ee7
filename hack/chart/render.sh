#!/usr/bin/env bash
# Copyright The scim-operator Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Generates what the chart and config/ have in common, so that no manifest is kept twice:
#
#   markers in controllers/ and scimserver/ → charts/scim-operator/files/rbac   by controller-gen
#   config/crd                              → charts/scim-operator/crds         a copy
#   charts/scim-operator/templates/<part>   → config/<part>                     by helm, with the default values
#
# config/kubernetes-connector gets the values that config/samples needs: the ClusterRole view may be bound.
# config/metrics and config/monitoring get what turning both on adds.
# The kustomization.yaml files are kept by hand; a test compares their result with the chart.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
chart=charts/scim-operator
namespace=scim-system

tool() { go tool -modfile=hack/tools/go.mod "$@"; }

# Where no marker is found controller-gen writes nothing; the rules of yesterday must not stay then.
generate_rules() {
  rm -f "$chart/files/rbac/$1.yaml"
  tool controller-gen "rbac:roleName=$1,fileName=$1.yaml" "paths=$2" "output:rbac:dir=$chart/files/rbac"
}

copy_crds() {
  rm -f "$chart"/crds/*.yaml
  cp config/crd/scim-operator.dev_*.yaml "$chart/crds/"
}

render() {
  tool helm template scim-operator "$chart" --namespace "$namespace" --output-dir "$temporary/$1" "${@:2}" >/dev/null
}

# Replaces the manifests of config/$2 by those rendered as $1 and keeps its kustomization.yaml.
publish() {
  mkdir -p "config/$2"
  find "config/$2" -name '*.yaml' ! -name kustomization.yaml -delete
  cp "$temporary/$1/scim-operator/templates/$2"/*.yaml "config/$2/"
}

temporary="$(mktemp -d)"
trap 'rm -rf "$temporary"' EXIT

generate_rules scim-server ./scimserver/...
generate_rules scim-controller ./controllers/...
copy_crds

render default
for part in rbac policy server controller; do publish default "$part"; done

render connector --set kubernetesConnector.enabled=true --set 'kubernetesConnector.clusterRoles={view}'
publish connector kubernetes-connector

monitored="server.metrics.enabled=true,controller.metrics.enabled=true,metrics.serviceMonitor.enabled=true"
render monitored --set "$monitored,metrics.prometheusRule.enabled=true,metrics.dashboard.enabled=true"
for part in metrics monitoring; do publish monitored "$part"; done
