# diffy: incident triage for cloud fleets. `make help` lists the targets.

FUNCTIONS := $(notdir $(wildcard functions/*))
VERSION   := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS   := -s -w -X main.version=$(VERSION)
CDK       := npx --yes aws-cdk@2.1148.1
MAINS     := ./cmd/... ./functions/... ./infra/...
FUZZTIME  ?= 30s

export CGO_ENABLED := 0

# So that a pipe fails when its first command does.
SHELL       := bash
.SHELLFLAGS := -o pipefail -c

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: bin/diffy $(FUNCTIONS:%=function-%) ## build bin/diffy and dist/<function>/bootstrap

.PHONY: bin/diffy
bin/diffy:
	go build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/diffy

function-%:
	GOOS=linux GOARCH=arm64 go build -trimpath -tags lambda.norpc -ldflags '$(LDFLAGS)' -o dist/$*/bootstrap ./functions/$*

.PHONY: demo
demo: bin/diffy ## triage recorded hosts, one of them attacked; leaves out/demo/report.html
	@rm -rf out/demo
	@DIFFY_HOME=out/demo/home bin/diffy triage --local testdata/demo --out out/demo/run; code=$$?; \
	if [ $$code -ne 10 ]; then echo "diffy ended with $$code, and 10 was expected: something high" >&2; exit 1; fi
	@cp out/demo/run/result.json out/demo/run/report.html out/demo/
	@echo; echo "Open out/demo/report.html in a browser; out/demo/result.json has the same for programs."

.PHONY: test
test: tools ## run all tests, setting up what they need
	go test $$(go list ./... | grep -v /test/browser)
	go test -v ./test/browser | grep -v '^=== '

.PHONY: tools
tools: .venv/done infra/node_modules/done

.venv/done: test/e2e/requirements.txt
	test/e2e/setup

infra/node_modules/done: infra/package-lock.json
	npm ci --silent --no-audit --no-fund --prefix infra
	touch $@

.PHONY: lint
lint: ## check the form of the code: gofumpt, vet, staticcheck, deadcode, tidy
	@out=$$(go tool gofumpt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "gofumpt would change:"; echo "$$out"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...
	@out=$$(go tool deadcode $(MAINS)); if [ -n "$$out" ]; then echo "dead code:"; echo "$$out"; exit 1; fi
	go mod tidy -diff

.PHONY: e2e
e2e: .venv/done ## run the pipeline on a local AWS; CASE=name for one case; leaves out/e2e/
	CASE=$(CASE) go test -count=1 -v ./test/e2e/...

.PHONY: slack-preview
slack-preview: ## draw the messages that Slack gets; leaves out/slack/*.json and *.png
	CI=true go test -count=1 -run 'Slack' ./test/browser
	@ls out/slack

.PHONY: eval
eval: ## measure detection on synthetic fleets of seeds kept for reporting; prints Markdown
	go run ./cmd/eval

.PHONY: bench
bench: bin/diffy test/bench/node_modules/done ## measure analyze as a whole process, beside DuckDB, CPython and encoding/json
	go run ./test/bench

test/bench/node_modules/done: test/bench/package-lock.json
	npm ci --silent --no-audit --no-fund --prefix test/bench
	touch $@

.PHONY: scale
scale: ## take 100, 1,000 and 10,000 synthetic hosts through all handlers; prints seconds and memory
	go test -run '^$$' -bench BenchmarkRun -benchtime 1x -timeout 60m ./pkg/pipeline

.PHONY: fuzz
fuzz: ## fuzz every parser of host data for FUZZTIME each
	@for target in $$(grep -rhoE '^func Fuzz[A-Za-z0-9]+' --include='*_test.go' . | cut -c6- | sort -u); do \
		for file in $$(grep -rlE "^func $$target\(" --include='*_test.go' .); do \
			echo "$$target in $$(dirname $$file)"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$(dirname $$file) || exit 1; \
		done; done

.PHONY: synth
synth: $(FUNCTIONS:%=function-%) ## synthesise the CloudFormation templates to cdk.out/, without an account
	@rm -rf cdk.out
	CDK_OUTDIR=cdk.out go run ./infra
	@echo "cdk.out/Diffy.template.json is the hub, cdk.out/DiffyMember.template.json what member accounts and other regions get."

.PHONY: check-infra
check-infra: synth tools ## print who may do what, and what cdk-nag, cfn-lint, asl-validator and moto minded
	infra/check.sh cdk.out

.PHONY: deploy
deploy: synth ## deploy into the account of your credentials, exactly what synth wrote
	$(CDK) bootstrap --app cdk.out
	$(CDK) deploy Diffy --app cdk.out

.PHONY: diff
diff: synth ## what a deploy would change
	$(CDK) diff Diffy --app cdk.out

.PHONY: destroy
destroy: synth ## remove the stack; evidence, key, table and access log stay
	@echo "What stays, and costs: the key (1 dollar a month), evidence, the access log and the table (by size)."
	@echo "A bucket is only removed when it is empty. Empty intake and work first, by their names in the stack's outputs:"
	@echo "  aws s3 rm s3://INTAKE --recursive; aws s3 rm s3://WORK --recursive"
	@echo "See docs/operations.md, Removal."
	$(CDK) destroy Diffy --app cdk.out

.PHONY: clean
clean: ## remove what the other targets make
	rm -rf bin dist out cdk.out .venv infra/node_modules
