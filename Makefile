# Two commands do all the set-up: `go run ./cmd/lifeboat demo` and `make test`.

GO ?= go
export CGO_ENABLED ?= 0
PACKAGES = ./...

.PHONY: help demo build test test-short check setup images tools bench fuzz screenshots dockerimage clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## drill good and broken backups, with nothing set up
	$(GO) run ./cmd/lifeboat demo

build: ## build ./lifeboat, a static binary
	$(GO) build -trimpath -ldflags '-s -w' -o lifeboat ./cmd/lifeboat

test: setup check ## install and start what the tests need, then run all of them
	CGO_ENABLED=1 $(GO) test -race -timeout 45m $(PACKAGES)

test-short: ## only the tests that need nothing installed
	$(GO) test -short $(PACKAGES)

check: tools ## format, vet, static analysis
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "not formatted: $$unformatted"; exit 1; }
	$(GO) vet $(PACKAGES)
	.bin/staticcheck $(PACKAGES)

setup: tools ## install and start Docker, images and the tools the tests compare with
	scripts/setup.sh
	scripts/images.sh
	$(MAKE) .bin/axe.min.js

images: ## pull postgres:13, 15, 17 and 18, or build equal ones from Debian packages
	scripts/images.sh

tools: .bin/versitygw .bin/staticcheck ## build the programs that tests and checks run

.bin/versitygw: tools/go.sum
	$(GO) build -C tools -o ../.bin/ github.com/versity/versitygw/cmd/versitygw

.bin/staticcheck: tools/go.sum
	$(GO) build -C tools -o ../.bin/ honnef.co/go/tools/cmd/staticcheck

.bin/axe.min.js: scripts/axe.sh
	scripts/axe.sh

screenshots: tools .bin/axe.min.js ## draw docs/screenshots anew in a real browser
	$(GO) test ./web/pages -run BrowserSeesEveryPage -update

bench: setup ## measure the performance budget: a drill against its baselines, the service at its size
	$(GO) run ./scripts/bench

fuzz: ## fuzz every reader of foreign bytes, 30 s each
	scripts/fuzz.sh 30s

dockerimage: ## build the container image
	docker build -t lifeboat .

clean: ## remove what was built
	rm -rf .bin lifeboat
