# diffy: incident triage for cloud fleets. `make help` lists the targets.

FUNCTIONS := $(notdir $(wildcard functions/*))
VERSION   := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS   := -s -w -X main.version=$(VERSION)
CDK       := npx --yes aws-cdk@2.1148.1

export CGO_ENABLED := 0

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9%-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: bin/diffy functions ## build bin/diffy and dist/<function>/bootstrap

.PHONY: bin/diffy
bin/diffy:
	go build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/diffy

.PHONY: functions
functions: $(FUNCTIONS:%=function-%)

function-%:
	GOOS=linux GOARCH=arm64 go build -trimpath -tags lambda.norpc -ldflags '$(LDFLAGS)' -o dist/$*/bootstrap ./functions/$*

.PHONY: demo
demo: bin/diffy ## triage recorded hosts, one of them attacked, and leave out/demo/report.html
	@rm -rf out/demo
	@bin/diffy triage --local testdata/demo --out out/demo; code=$$?; \
	if [ $$code -ne 10 ]; then echo "diffy ended with $$code; 10 (something high) was expected"; exit 1; fi
	@echo; echo "out/demo/result.json and out/demo/report.html are there"

.PHONY: test
test: tools ## run all tests, setting up what they need
	go test ./...

.PHONY: tools
tools: .venv/done test/node/done

.venv/done: test/e2e/requirements.txt
	python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

.PHONY: e2e
e2e: .venv/done ## run the pipeline end to end on a local AWS; CASE=name for one case
	CASE=$(CASE) go test -count=1 -v ./test/e2e/...

.PHONY: lint
lint: ## gofumpt, vet, staticcheck, deadcode, tidy
	@out=$$(go tool gofumpt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "gofumpt:"; echo "$$out"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...
	@out=$$(go tool deadcode ./...); if [ -n "$$out" ]; then echo "deadcode:"; echo "$$out"; exit 1; fi
	go mod tidy -diff

.PHONY: clean
clean: ## remove what the other targets make
	rm -rf bin dist out cdk.out .venv
