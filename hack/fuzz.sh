#!/usr/bin/env bash
# Copyright The scim-operator Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Runs every fuzz target of the module for the time given, one after another: go test takes one at a time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

time="${1:?how long for each target, such as 60s}"
grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u | while read -r package; do
  grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$package"/*_test.go | sed 's/^func //' | while read -r target; do
    echo "== $package $target"
    go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "$time" </dev/null
  done
done
