# BecomingONE: everything a person types. `make run` and `make test` are all a newcomer needs.
export CGO_ENABLED := 0

GO      ?= go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X main.version=$(VERSION)
PKG     := ./host/becomingone

# Pinned tools, run from the module proxy: nothing is installed.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
BENCHSTAT   := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

.PHONY: run build guests test check lint test-race test-long judges crash bench demo-agent clean

run: build ## build and start the demo node on 127.0.0.1:4917
	./bin/becomingone run --demo

build: guests ## bin/becomingone, with the example plugins inside
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/becomingone $(PKG)

demo-agent: build ## a poisoned document, with the gate off and on; no model, no network
	$(GO) run ./examples/agent/demo

guests: ## compile the example plugins (Go guests, no other toolchain)
	$(GO) run ./examples/guests/build

test: guests ## the tests that a change must pass
	$(GO) test -shuffle=on ./...

check: lint test test-race ## what CI runs

lint:
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	$(GO) mod verify

# The race detector needs cgo; the packages with goroutines run under it, without the two whose tests
# start processes: those would compile guests for minutes, and its shadow memory is beyond their rlimit.
test-race: guests
	CGO_ENABLED=1 $(GO) test -race -short -shuffle=on \
		$$($(GO) list ./host/... ./hooks/... ./mcp/... ./plugins/... | grep -vE '/host/(becomingone|cli)$$')

test-long: guests ## the long suites: crash, shuffles, inspectors
	BECOMINGONE_LONG=1 $(GO) test -timeout 60m -shuffle=on ./...
	$(MAKE) judges

judges: ## let Tessera, torchwood, tlog and litewitness judge the witness log
	cd host/store/conformance && $(GO) vet ./... && $(GO) test -count=1 ./...

crash: guests ## kill -9 under load, 50 times
	BECOMINGONE_LONG=1 $(GO) test -timeout 30m -run 'Crash|Kill' ./host/...

# Ten runs of each, summed up: quote the summary, and compare rows of one run only.
BENCH ?= .
bench: guests ## benchmarks of one run, with their spread; BENCH=regexp chooses
	@mkdir -p bin
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count 10 ./kernel/... ./plugins/... ./mcp/... ./host/... | tee bin/bench.txt
	$(GO) run $(BENCHSTAT) bin/bench.txt

clean:
	rm -rf bin dist examples/guests/*.wasm
