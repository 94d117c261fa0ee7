#!/usr/bin/env bash
# Copyright The scim-operator Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Builds the Kubernetes control plane that the tests, the demo and `make run` start: etcd, kube-apiserver and
# kube-controller-manager, and kubectl where none is on PATH. They are built from the sources that go.mod names, once,
# into a cache that all checkouts share; bin/controlplane is a link to it.
#
#   build.sh              build what is missing
#   build.sh --print-dir  print the directory that holds (or would hold) the programs, build nothing
#
# Environment: KUBEBUILDER_ASSETS (a directory with etcd and kube-apiserver to use instead of building them),
# SCIM_OPERATOR_CACHE (default ${XDG_CACHE_HOME:-~/.cache}/scim-operator).
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
repo="$(cd "$here/../.." && pwd)"
etcd_package=go.etcd.io/etcd/server/v3
heartbeat_seconds=30

say() { printf 'controlplane: %s\n' "$*" >&2; }
die() {
  say "$@"
  exit 1
}

# The version of module $1 in go.mod: a replaced module keeps its required version, and neither of ours is replaced.
version_of() {
  local module version
  while read -r module version _; do
    if [[ $module == "$1" && $version == v* ]]; then
      printf '%s' "$version"
      return
    fi
  done <"$here/go.mod"
  die "go.mod does not require $1"
}

sha256() {
  if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi
}

# Kubernetes decides the defaults of feature gates and the versions it claims by these variables; without them it
# takes itself for v0.0.0-master.
version_flags() {
  local minor="${kubernetes#v1.}" package
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    printf -- '-X %s.gitMajor=1 -X %s.gitMinor=%s -X %s.gitVersion=%s ' \
      "$package" "$package" "${minor%%.*}" "$package" "$kubernetes"
    printf -- '-X %s.gitTreeState=archive -X %s.buildDate=1970-01-01T00:00:00Z ' "$package" "$package"
  done
}

kubernetes="$(version_of k8s.io/kubernetes)"
etcd="$(version_of "$etcd_package")"
flags=(-trimpath -buildvcs=false -mod=readonly -tags=grpcnotrace "-ldflags=-s -w $(version_flags)")
key="$({ cat "$here/go.mod" && printf '%s\n' "${flags[@]}" && uname -sm; } | sha256)"
cache="${SCIM_OPERATOR_CACHE:-${XDG_CACHE_HOME:-${HOME:?set HOME or SCIM_OPERATOR_CACHE}/.cache}/scim-operator}/controlplane"
dir="$cache/kubernetes-$kubernetes-etcd-$etcd-${key:0:12}"

package_of() {
  if [[ $1 == etcd ]]; then printf '%s' "$etcd_package"; else printf 'k8s.io/kubernetes/cmd/%s' "$1"; fi
}

# The programs that neither the cache nor KUBEBUILDER_ASSETS holds, one a line.
missing() {
  local assets="${KUBEBUILDER_ASSETS:-}" name
  for name in etcd kube-apiserver kube-controller-manager; do
    # etcd and kube-apiserver are taken from there together or not at all: their versions belong together.
    if [[ -n $assets && -x $assets/etcd && -x $assets/kube-apiserver && -x $assets/$name ]]; then continue; fi
    [[ -x $dir/$name ]] || printf '%s\n' "$name"
  done
  command -v kubectl >/dev/null || [[ -x $dir/kubectl ]] || printf 'kubectl\n'
}

link() {
  local link="$repo/bin/controlplane"
  [[ -d $dir && $(readlink "$link" 2>/dev/null) != "$dir" ]] || return 0
  mkdir -p "$repo/bin"
  ln -sfn "$dir" "$link"
}

check_go() {
  local want message
  want="$(sed -n 's/^go //p' "$here/go.mod")"
  command -v go >/dev/null || die "Go $want or newer is needed and no go is on PATH: see https://go.dev/dl/"
  message="$(cd "$here" && go list -m 2>&1)" ||
    die "Go $want or newer is needed; $(go version 2>&1) says: $message"
}

elapsed() { printf '%dm%02ds' $((($(now) - $1) / 60)) $((($(now) - $1) % 60)); }
now() { date +%s; }

explain_failure() {
  grep -v '^go: downloading ' "$1" | tail -n 20 >&2 || true
  if grep -qE 'dial tcp|no such host|i/o timeout|connection refused|proxyconnect|TLS handshake|module lookup disabled' "$1"; then
    say "a module could not be downloaded: GOPROXY=$(go env GOPROXY) must be reachable (once), or GOMODCACHE=$(go env GOMODCACHE) must hold the modules of $here/go.mod"
  elif grep -q 'no space left on device' "$1"; then
    say "the disk is full: about 6 GB are needed in $(go env GOMODCACHE), $(go env GOCACHE) and $cache"
  fi
}

# Builds program $1 into the temporary directory and moves it to its place in one step, so that whoever looks sees a
# whole program or none, and an interrupted build goes on where it stopped.
build() {
  local name=$1 start last log="$temporary/$1.log"
  start="$(now)"
  last=$start
  (
    cd "$here"
    unset GOOS GOARCH
    exec env GOWORK=off GOFLAGS= CGO_ENABLED=0 \
      go build "${flags[@]}" -o "$temporary/$name" "$(package_of "$name")"
  ) >"$log" 2>&1 9>&- &
  compiler=$!
  while kill -0 "$compiler" 2>/dev/null; do
    sleep 1 9>&-
    if (($(now) - last >= heartbeat_seconds)); then
      last="$(now)"
      say "  still building $name, $(elapsed "$start")"
    fi
  done
  if ! wait "$compiler"; then
    explain_failure "$log"
    die "building $name stopped after $(elapsed "$start")"
  fi
  compiler=
  mv -f "$temporary/$name" "$dir/$name"
  say "  $name: $(elapsed "$start")"
}

cleanup() {
  if [[ -n ${compiler:-} ]]; then kill "$compiler" 2>/dev/null || true; fi
  if [[ -n ${temporary:-} ]]; then rm -rf "$temporary"; fi
}

build_all() {
  local start todo name
  check_go
  mkdir -p "$dir"
  exec 9>"$cache/lock"
  # Without flock (macOS) two builds at once cost time and corrupt nothing.
  if command -v flock >/dev/null && ! flock -n 9; then
    say "another build is running; waiting for it"
    flock 9
  fi
  todo="$(missing)"
  [[ -n $todo ]] || return 0
  start="$(now)"
  say "building ${todo//$'\n'/, } (Kubernetes $kubernetes, etcd $etcd) from source into $dir"
  say "tests, demo and 'make run' start a real API server from these. This is needed once: about six minutes on two cores."
  temporary="$(mktemp -d "$dir/.build.XXXXXX")"
  trap cleanup EXIT
  trap 'exit 130' INT TERM HUP
  for name in $todo; do build "$name"; done
  say "done in $(elapsed "$start")"
}

case "${1:-}" in
  --print-dir)
    printf '%s\n' "$dir"
    exit
    ;;
  '') ;;
  *) die "unknown argument $1; usage: build.sh [--print-dir]" ;;
esac

if [[ -n $(missing) ]]; then build_all; fi
link
