// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package meter is what the benchmarks measure with: time, the memory and processor time of a process, and what etcd counts.
//
// It knows nothing of SCIM. The memory and the processor time of a process come from /proc: elsewhere they are zero.
package meter
