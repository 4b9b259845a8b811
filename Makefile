# a2qgen. Each target does the set-up that it needs: `make demo` and `make test`
# work on a fresh Debian or Ubuntu with Go.

GO    ?= go
BUILD := build
BIN   := $(BUILD)/a2qgen

.DEFAULT_GOAL := help
.PHONY: help setup build static demo test short lint clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

setup: ## install what is missing: Verilator, g++, Yosys, Icarus, OpenBLAS, Fashion-MNIST
	@sh .ci/setup

build: setup ## build/a2qgen, with OpenBLAS
	$(GO) build -tags openblas -o $(BIN) ./cmd/a2qgen

static: ## build/a2qgen-static: no C library, no OpenBLAS, runs anywhere
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $(BIN)-static ./cmd/a2qgen

demo: build ## train, certify, emit, cross-check and cost the demo network
	$(BIN) demo

test: setup ## all tests (under 5 minutes on two cores)
	$(GO) test -timeout 300s ./...

short: ## the tests that need no tool but Go (under a minute)
	$(GO) test -short ./...

lint: ## gofmt, go vet and staticcheck
	@unformatted=$$(gofmt -l .) && test -z "$$unformatted" || \
		{ echo "gofmt wants to change: $$unformatted" >&2; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

clean: ## remove build/
	rm -rf $(BUILD)
