# Two commands matter: `make run` serves config/signalbox.json5, `make test` runs every test.
# Both begin on a Debian 12 that has nothing but make, git and a Swift toolchain.

SWIFT ?= swift
CONFIG ?= config/signalbox.json5

# A target may import only what Package.swift declares; without this flag nobody checks.
STRICT := --explicit-target-dependency-import-check error
RELEASE := .build/release/signalbox

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run build test docs format lint clean install-deps toolchain build-packages \
	test-packages certificate

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build certificate ## Build, make a development certificate if there is none, serve CONFIG
	@exec $(RELEASE) serve --config $(CONFIG)

build: toolchain build-packages ## Build the release binary .build/release/signalbox
	$(SWIFT) build -c release $(STRICT) --product signalbox

test: toolchain test-packages certificate lint ## Build and run every test
	$(SWIFT) build --build-tests $(STRICT)
	$(SWIFT) test --skip-build $(TEST_ARGUMENTS)

docs: toolchain build-packages ## Build and check the documentation of the library Notifier
	@tools/build-docs.sh .build/docs

format: toolchain ## Format the Swift sources in place
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests examples

lint: toolchain ## Check the format of the Swift sources
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests examples

clean: ## Remove what builds leave behind; certificates stay
	rm -rf .build .build-*

install-deps: build-packages test-packages ## Install the Debian packages for building and testing

build-packages:
	@tools/install-packages.sh build

test-packages:
	@tools/install-packages.sh build test

certificate: build-packages
	@certs/make-dev-certificates.sh

toolchain:
	@command -v $(SWIFT) >/dev/null 2>&1 || { \
	  echo "Signalbox needs a Swift 6.3 toolchain, and there is no '$(SWIFT)' on the PATH."; \
	  echo "Get it for Debian 12 from https://www.swift.org/install/linux/ and try again,"; \
	  echo "or name it: make SWIFT=/opt/swift/usr/bin/swift run"; \
	  exit 1; } >&2
