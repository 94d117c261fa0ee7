#!/usr/bin/env bash
# Copyright The scim-operator Authors.
# SPDX-License-Identifier: Apache-2.0
#
# The programs of somebody who follows the pages, each by the name that this is called by. What only looks is asked for real, and must find
# something: a misspelt field or condition finds nothing and is no error otherwise. What changes something is tried by the API server, and not done.
# What the test judges by itself goes to $RECORDS. Whatever is wrong goes to $MISTAKES too, since a shell forgets the exit status of a command
# in the arguments of another one.
set -uo pipefail
program="${0##*/}"
said=("$@")

mistake() { # WHY
  printf '%s %s: %s\n' "$program" "${said[*]}" "$1" | tee -a "$MISTAKES" >&2
  exit 1
}

record() { printf '%s\0' "$program" "${said[@]}" >"$RECORDS/$BASHPID-$RANDOM"; }

# quiet runs a command of which only the failure matters.
quiet() {
  local says
  says="$("$@" 2>&1)" || mistake "$says"
}

# finds runs a command that must print something, and prints that.
finds() {
  local out errors="$RECORDS/.errors-$BASHPID"
  out="$("$@" 2>"$errors")" || mistake "$(<"$errors")"
  [[ -n "$out" && "$out" != "No resources found" ]] || mistake "finds nothing"
  ! grep -qi 'warning: unknown field' "$errors" || mistake "$(<"$errors")"
  [[ "$out" != *"<none>"* || "$*" != *custom-columns* ]] || mistake "a column finds nothing"
  printf '%s\n' "$out"
}

# verb is the first argument that is no flag of kubectl.
verb() {
  while (($#)); do
    case "$1" in
    -n | --namespace | --context) shift 2 ;;
    -*) shift ;;
    *) printf '%s' "$1" && return ;;
    esac
  done
}

# pods checks a command for pods that no kubelet runs: its flags, and that what it names is there.
pods() {
  local target="" namespace=()
  quiet "$KUBECTL" "$@" --help
  while (($#)); do
    case "$1" in
    -n) namespace=(-n "$2") && shift ;;
    */*) target="$1" ;;
    esac
    shift
  done
  quiet "$KUBECTL" get "$target" "${namespace[@]}"
}

# creates tries to create what may be there already.
creates() {
  local says
  says="$("$KUBECTL" "$@" --dry-run=server 2>&1)" || [[ -z "$(grep -vi alreadyexists <<<"$says")" ]] || mistake "$says"
}

kubectl() {
  local verb once=() argument
  verb="$(verb "$@")"
  for argument in "$@"; do
    [[ "$argument" == --watch ]] || once+=("$argument") # one would wait for ever
  done
  if [[ "$verb" != scim && " $* " == *" --help "* ]]; then
    quiet "$KUBECTL" "$@"
    return
  fi
  case "$verb" in
  scim) record ;;
  get | describe | wait | auth) finds "$KUBECTL" "${once[@]}" ;;
  logs) pods "$@" && cat "$AUDIT_LOG" ;;
  port-forward) pods "$@" ;;
  create) creates "$@" ;;
  annotate | label) record && finds "$KUBECTL" "$@" --dry-run=server ;;
  *) finds "$KUBECTL" "$@" --dry-run=server ;;
  esac
}

helm() {
  case "${1:-}" in
  install | upgrade) quiet "$HELM" template "${@:2}" ;;
  uninstall) quiet "$HELM" "$@" --help ;;
  *) finds "$HELM" "$@" ;;
  esac
}

case "$program" in
kubectl | helm) "$program" "$@" ;;
jq) finds "$JQ" "$@" ;;
curl) finds "$CURL" --fail-with-body --show-error --connect-to "127.0.0.1:8080:$SCIM_SERVER" "$@" ;;
make) quiet "$MAKE_PROGRAM" -n "$@" ;;
*) record ;;
esac
