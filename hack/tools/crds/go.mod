// The CustomResourceDefinitions of other projects that the chart has objects for. Nothing here is compiled: a test in
// hack/chart asks for the directories and applies the files.
module github.com/scim-operator/scim-operator/hack/tools/crds

go 1.26.0

require (
	github.com/cert-manager/cert-manager v1.21.2
	github.com/prometheus-operator/prometheus-operator v0.85.0
	sigs.k8s.io/gateway-api v1.4.0
)
