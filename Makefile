# Everything that is done with this repository. `make help` lists it.
SHELL := /bin/bash -o pipefail
.DEFAULT_GOAL := help

TOOL := go tool -modfile=hack/tools/go.mod
LINT := go tool -modfile=hack/tools/golangci-lint/go.mod golangci-lint
GENERATED := api config charts docs/api.md docs/values.md
FUZZTIME ?= 60s
export CGO_ENABLED ?= 1

##@ Use

.PHONY: demo
demo: controlplane ## Play an identity provider and show what happens (CONNECTOR=postgres and others: in a real application).
	@go run ./hack/demo

.PHONY: run
run: controlplane ## Stay up until Ctrl-C, for curl and kubectl from another terminal (SERVERS=2 for two servers).
	@go run ./hack/run

.PHONY: bench
bench: controlplane ## Measure POSTs per second and the time until a leaver is out.
	@go run ./hack/bench

##@ Develop

# Those that take longest come first: the others fill up the second core beside them, and nobody waits for one that began last.
LONGEST = ./hack/e2e ./controllers/connector/scim ./scimserver/directory ./controllers/connector/kubernetes ./controllers
# Each package waits for a third of its time, so that three keep two cores busy.
TEST_PACKAGES = 3
# Most of the work is that of the API servers, whose heaps are small: collecting less often takes a sixth of it away, for 200 MB each.
TEST_GOGC = 400

.PHONY: test
test: controlplane ## Run every test, with the race detector, against a real etcd and kube-apiserver.
	@echo "Compiling and running the tests with the race detector; the first time takes several minutes more."
	GOGC=$(TEST_GOGC) go test -race -short -timeout 30m -p $(TEST_PACKAGES) $(LONGEST) ./...

.PHONY: conformance
conformance: controlplane ## Run the conformance suite of all connectors as a whole: each fault at every exchange, a thousand accounts.
	go test -timeout 60m -run Conformance ./controllers/connector/...

.PHONY: generate
generate: ## Write what is generated: deepcopy, apply configurations, CRDs, RBAC, chart, config, references.
	@rm -rf api/v1alpha1/applyconfiguration
	$(TOOL) controller-gen object:headerFile=hack/boilerplate.go.txt applyconfiguration:headerFile=hack/boilerplate.go.txt \
		crd output:crd:artifacts:config=config/crd paths=./api/...
	hack/chart/render.sh
	go run ./hack/chart/valuesdoc charts/scim-operator/values.yaml > docs/values.md
	$(TOOL) crd-ref-docs --config=hack/api-reference.yaml --source-path=api/v1alpha1 --renderer=markdown --output-path=docs/api.md

.PHONY: verify
verify: generate ## Fail when something generated is stale, a module is untidy, a file is unformatted or a linter complains.
	@stale="$$(git status --porcelain -- $(GENERATED))"; if [ -n "$$stale" ]; then \
		echo "These generated files are not what is committed. Run 'make generate' and commit:"; echo "$$stale"; git diff -- $(GENERATED) | head -50; exit 1; fi
	go mod tidy -diff
	go mod verify
	$(MAKE) --no-print-directory lint vulncheck

.PHONY: lint
lint: ## Run the linters (builds them once: a few minutes).
	@echo "Linting; building golangci-lint takes about four minutes the first time."
	$(LINT) run ./...

.PHONY: vulncheck
vulncheck: ## Look for known vulnerabilities in what we call.
	hack/vulncheck.sh

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME.
	hack/fuzz.sh $(FUZZTIME)

.PHONY: foreign
foreign: controlplane ## Run SCIM software of other people (npm) against ours and compare.
	@go run ./hack/foreign

.PHONY: controlplane
controlplane: ## Build etcd, kube-apiserver and kube-controller-manager once (about six minutes), outside the clone.
	@hack/controlplane/build.sh

.PHONY: images
images: ## Build the images for two architectures, with their SBOMs: into bin/images, or push them to KO_DOCKER_REPO.
	hack/images/build.sh

##@ Help

.PHONY: help
help: ## Show this.
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
