// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package stack brings up the whole product on loopback, for `make demo`, `make run`, the end-to-end tests and the
// benchmark: a control plane, scim-server (any number of processes) and scim-controller.
//
// What runs is what is shipped: every object of the rendered chart is applied but those that need a kubelet, and the
// programs run under the ServiceAccounts of the chart, with tokens of the TokenRequest API and the flags of the chart's
// Deployments. Only addresses, the kubeconfig and what Options adds differ.
//
// It owns the processes of the programs, their logs and kubeconfigs; package cluster owns the control plane. It must not
// import controllers or scimserver: whoever uses it sees the product from outside only.
//
// The flow: start the control plane, and meanwhile build the programs and render the chart → apply the chart → start the
// servers and the controller → wait until they are ready. A lost race for a port repeats all of it.
package stack
