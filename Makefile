# The two commands of this repository are `make demo` and `make test`. Each installs what is missing first.
BOOTSTRAP ?= yes
SWIFT_FLAGS := --explicit-target-dependency-import-check error -Xswiftc -warnings-as-errors

.PHONY: demo test build lint bootstrap bootstrap-test clean

demo: build
	.build/debug/mesh demo $(DEMO_FLAGS)

build: bootstrap
	@echo "build: compiling (the first time takes some minutes)"
	@swift build $(SWIFT_FLAGS) --product mesh --quiet
	@swift build $(SWIFT_FLAGS) --product meshbot --quiet

test: bootstrap-test lint
	.ci/test

lint:
	@swift format lint --strict --recursive Sources Tests Package.swift

bootstrap:
ifeq ($(BOOTSTRAP),yes)
	@deploy/bootstrap.sh
endif

bootstrap-test:
ifeq ($(BOOTSTRAP),yes)
	@deploy/bootstrap.sh --test
endif

clean:
	rm -rf .build .botmesh
