// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cluster starts a real Kubernetes control plane as child processes on loopback: etcd, any number of API servers
// and, where wanted, the controller manager. Tests, the demo and `make run` use it; no shipped program imports it.
// There is no kubelet: the programs under test run as processes too, through [StartProcess], under a ServiceAccount and
// the RBAC of the manifests.
//
// It owns the processes, their ports (below 32768), keys and data, and it ends them all: on [Cluster.Stop], and on Linux
// also when the starting program dies in whatever way. Every process can be frozen, killed and restarted to provoke
// faults. It must not import the kinds of this project nor any package of its programs.
//
// The flow: find the programs that hack/controlplane/build.sh built → make keys and choose ports → start etcd, then the
// API servers → apply Options.CRDDirs → start the controller manager. A lost race for a port repeats the whole start.
package cluster
