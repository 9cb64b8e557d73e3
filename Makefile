# The two commands of this repository are `make demo` and `make test`. Each installs what is missing first.
BOOTSTRAP ?= yes
SWIFT_FLAGS := --explicit-target-dependency-import-check error -Xswiftc -warnings-as-errors
# With Swift's libraries inside: a process touches a third of their pages, and a call into them is a call. LLVM's linker is quiet about a mktemp in Foundation.
# Packed relocations are 10 kB instead of 1.2 MB, which an idle process would hold in memory.
RELEASE_FLAGS := $(SWIFT_FLAGS) -c release --static-swift-stdlib -Xswiftc -use-ld=lld -Xlinker -z -Xlinker pack-relative-relocs

LOADTEST := .build/loadtest

.PHONY: demo test soak chaos build lint bootstrap bootstrap-test bootstrap-test-packages bootstrap-bench bench bench-broker bench-memory bench-starts documents release-broker release-load clean

demo: build
	.build/debug/mesh demo $(DEMO_FLAGS)

build: bootstrap
	@echo "build: compiling (the first time takes some minutes)"
	@swift build $(SWIFT_FLAGS) --product mesh --quiet
	@swift build $(SWIFT_FLAGS) --product meshbot --quiet
	@swift build $(SWIFT_FLAGS) --product meshbroker --quiet

test: bootstrap-test-packages lint
	BOOTSTRAP=$(BOOTSTRAP) .ci/test

# The long runs: 200 rounds of kills and power cuts, and a million frames.
soak: bootstrap-test release-broker
	@MESHBROKER=.build/release/meshbroker Tests/Durability/run --rounds 200
	@swift build $(RELEASE_FLAGS) --product BrokerFuzz --quiet
	@.build/release/BrokerFuzz --broker $(CURDIR)/.build/release/meshbroker --frames 1000000 --seed 1

# Harm to a mesh under load, from a seeded plan, and a checker that reads only topics: docs/chaos.md. A long soak: make chaos CHAOS_FLAGS="--seed 1..20 --duration 300 --mode both"
chaos: bootstrap release-broker release-load $(LOADTEST)/clock.so
	@.build/release/meshload chaos $(CHAOS_FLAGS)

$(LOADTEST)/clock.so: loadtest/clock/shift.c
	@mkdir -p $(LOADTEST)
	@cc -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -shared -fPIC -o $@ $< -ldl

# What is made from definitions, and that tests compare: after a change of a command, a contract, a configuration or topics/.
documents: build
	.build/debug/mesh docs > .build/made.md && cp .build/made.md docs/mesh.md
	.build/debug/mesh topics reference > .build/made.md && cp .build/made.md docs/events.md
	.build/debug/mesh kubernetes --output deploy/kubernetes

lint:
	@swift format lint --strict --parallel --recursive Sources Tests Package.swift

# The relay beside a bare loop in C and one in Python, and what else docs/benchmarks.md says of it; the figures go there. Half an hour. BENCH_FLAGS take the place of these flags.
bench: bootstrap-test $(LOADTEST)/relay $(LOADTEST)/python/installed release-broker release-load
	@.build/release/meshload bench $(or $(BENCH_FLAGS),--all --write docs/benchmarks.md)

# Measurements of the broker beside others; docs/benchmarks.md says how and what came out.
bench-broker: bootstrap-bench $(LOADTEST)/bench release-broker
	@loadtest/broker/run.py $(BENCH_FLAGS)

bench-memory: bootstrap-bench $(LOADTEST)/bench release-broker
	@loadtest/broker/memory.py $(BENCH_FLAGS)

bench-starts: bootstrap-bench $(LOADTEST)/bench release-broker
	@loadtest/broker/starts.py $(BENCH_FLAGS)

$(LOADTEST)/bench: $(wildcard loadtest/broker/*.c loadtest/broker/*.h)
	@mkdir -p $(LOADTEST)
	@cc -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -o $@ $(filter %.c,$^) -lrdkafka -lpthread

$(LOADTEST)/relay: loadtest/relay/relay.c
	@mkdir -p $(LOADTEST)
	@cc -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -o $@ $< -lrdkafka

# A virtual environment of its own: .venv is that of the tests.
$(LOADTEST)/python/installed: loadtest/python/requirements.txt
	@/usr/bin/python3 -m venv $(@D)
	@$(@D)/bin/python3 -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

release-broker:
	@swift build $(RELEASE_FLAGS) --product meshbroker --quiet

release-load:
	@swift build $(RELEASE_FLAGS) --product meshload --quiet

bootstrap:
ifeq ($(BOOTSTRAP),yes)
	@deploy/bootstrap.sh
endif

bootstrap-test:
ifeq ($(BOOTSTRAP),yes)
	@deploy/bootstrap.sh --test
endif

bootstrap-test-packages:
ifeq ($(BOOTSTRAP),yes)
	@deploy/bootstrap.sh --test-packages
endif

bootstrap-bench:
ifeq ($(BOOTSTRAP),yes)
	@deploy/bootstrap.sh --bench
endif

clean:
	rm -rf .build .botmesh
