# hclake: `make demo` runs the real job on a cloud emulator, `make test` tests everything.
# DuckDB is linked from its official prebuilt library; `make BUNDLED=1 …` compiles it from source instead.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

export CARGO_TARGET_DIR ?= $(CURDIR)/target
CARGO ?= cargo
PREFIX ?= $(HOME)/.local
READERS := $(CARGO_TARGET_DIR)/readers
DUCKDBS := $(CARGO_TARGET_DIR)/duckdbs
DUCKDB_DELTA := $(CARGO_TARGET_DIR)/duckdb_delta
SAIL := $(CARGO_TARGET_DIR)/sail
# A service of buckets; this is its newest version for Rust 1.92 to 1.95.
S3S_VERSION := 0.14.1
S3S := $(CARGO_TARGET_DIR)/s3s-$(S3S_VERSION)
BROWSER := $(CARGO_TARGET_DIR)/browser

DUCKDB_PACKAGE := @duckdb/node-bindings-linux-x64
DUCKDB_VERSION := 1.5.6-r.1
DUCKDB_SHA512 := 21772b64913a904a8cd19e30c1d5671811d7fdface4b7dd53cd0300d743f43e16cf386f4e7c41ef78721ac208870d2651bc6375072145387817824315b998dd5
DUCKDB_DIR := $(CARGO_TARGET_DIR)/duckdb-$(DUCKDB_VERSION)
DUCKDB_LIB := $(DUCKDB_DIR)/libduckdb.so

PREBUILT := $(and $(filter Linux-x86_64,$(shell uname -s)-$(shell uname -m)),$(or $(wildcard $(DUCKDB_LIB)),$(shell command -v npm)))
ifdef BUNDLED
  PREBUILT :=
endif

ifneq ($(PREBUILT),)
  FEATURES := --no-default-features
  DUCKDB := $(DUCKDB_LIB)
  export DUCKDB_LIB_DIR := $(DUCKDB_DIR)
else
  FEATURES :=
  DUCKDB := announce-bundled
endif

.PHONY: help build demo test test-slow scale sim fuzz lint fmt tools speed test-interop test-duckdb test-browser test-bundled clean announce-bundled

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

build: $(DUCKDB) ## the program, as target/debug/hclake
	$(CARGO) build --locked $(FEATURES)

demo: build ## three nights on a cloud emulator, then a report; leaves target/demo.duckdb
	"$(CARGO_TARGET_DIR)/debug/hclake" --store "$(CARGO_TARGET_DIR)/demo.duckdb" demo --replace

test: $(DUCKDB) ## every test that needs no network but loopback
	$(CARGO) test --locked $(FEATURES)

sim: $(DUCKDB) ## the simulations: N=5000 worlds, PARTS=500 of lists in parts, LISTS=10 of each list; HCLAKE_SIM_SEED=n runs one
	HCLAKE_SIM_SEEDS=$(or $(N),5000) $(CARGO) test --locked $(FEATURES) --test it sim::
	HCLAKE_SIM_SEEDS=$(or $(PARTS),500) $(CARGO) test --locked $(FEATURES) --lib sync::tests::simulation
	HCLAKE_SIM_SEEDS=$(or $(LISTS),10) $(CARGO) test --locked $(FEATURES) --lib sync::tests::every_list

fuzz: $(DUCKDB) ## one target, T=envelope, for SECONDS=600; needs `make tools`, a C++ compiler and nightly Rust
	mkdir -p "$(CARGO_TARGET_DIR)/fuzz-corpus/$(or $(T),envelope)"
	cd tests/fuzz && $(CARGO) +nightly fuzz run --fuzz-dir . $(or $(T),envelope) \
	  "$(CARGO_TARGET_DIR)/fuzz-corpus/$(or $(T),envelope)" "corpus/$(or $(T),envelope)" \
	  -- -max_total_time=$(or $(SECONDS),600)

test-slow: $(DUCKDB) ## 200 runs killed at random moments in place of 20; six exporters at once for 30 nights; lists called like anything that has a name
	HCLAKE_KILLS=200 $(CARGO) test --locked $(FEATURES) --test it crashes
	HCLAKE_FLEET=6,30 $(CARGO) test --locked $(FEATURES) --test it -- --nocapture exporters_at_once
	$(CARGO) test --locked $(FEATURES) --test it -- --ignored --nocapture names::

lint: $(DUCKDB) ## formatting, clippy with warnings denied, and what may be depended upon
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets $(FEATURES) -- -D warnings
	@if $(CARGO) deny --version >/dev/null 2>&1; \
	then $(CARGO) deny --locked --offline --config .cargo/deny.toml check bans licenses sources; \
	else echo "lint: cargo-deny is missing, so licences and sources were not checked; \`make tools\` installs it"; fi

tools: ## cargo-deny for lint, cargo-fuzz for fuzz, cargo-about and cargo-deb for packages, compiled from source
	$(CARGO) install --locked cargo-deny cargo-fuzz
	$(MAKE) tools-pack

fmt: ## format the sources
	$(CARGO) fmt

speed: $(DUCKDB) ## built as for a release: what publishing a million install jobs takes, beside DuckDB's own COPY, and verifying 30 nights of them; what each report takes on a year of nights; what a year of 2,000 parents costs; how a pruned store grows in ten years
	$(CARGO) test --profile speed --locked $(FEATURES) --test it -- --ignored --nocapture --test-threads 1 publish_speed:: report_speed:: year_of_parents::
	$(CARGO) test --profile speed --locked $(FEATURES) --lib -- --ignored --nocapture ten_years

scale: $(DUCKDB) $(SAIL)/installed ## many exporters in one lake, and an engine that asks across them: SIZE=exporters,nights,jobs (100,30,100000)
	HCLAKE_SCALE=$(or $(SIZE),100,30,100000) HCLAKE_SAIL="$(SAIL)" \
	  $(CARGO) test --locked $(FEATURES) --test it -- --ignored --nocapture scale::

test-interop: $(DUCKDB) $(READERS)/installed $(DUCKDB_DELTA)/installed $(SAIL)/installed $(S3S)/bin/s3s-fs ## what DuckDB, PyArrow, Polars, pandas, Spark, SQLAlchemy and dbt read from published folders, and an assistant's client from the store; what DuckDB, Polars, Sail and delta-rs read from Delta tables; what the cloud's own SDK lists; what Prometheus' promtool says of metrics and rules; what a mail server takes; what two services of buckets hold
	HCLAKE_READERS="$(READERS)" HCLAKE_DUCKDB_DELTA="$(DUCKDB_DELTA)" HCLAKE_SAIL="$(SAIL)" HCLAKE_S3S="$(S3S)/bin/s3s-fs" \
	  $(CARGO) test --locked $(FEATURES) --test it -- --ignored --nocapture interop:: sdk::

$(READERS)/installed: tests/interop/requirements.txt
	@java -version 2>/dev/null || { echo "error: Spark needs Java 17 or newer, and there is no java"; exit 1; }
	rm -rf "$(READERS)" && python3 -m venv "$(READERS)"
	"$(READERS)/bin/pip" install --quiet --requirement $<
	touch "$@"

$(DUCKDB_DELTA)/installed $(SAIL)/installed: $(CARGO_TARGET_DIR)/%/installed: tests/interop/%.txt
	rm -rf "$(@D)" && python3 -m venv "$(@D)"
	"$(@D)/bin/pip" install --quiet --requirement $<
	touch "$@"

$(S3S)/bin/s3s-fs:
	$(CARGO) install --quiet --locked s3s-fs@$(S3S_VERSION) --features binary --root "$(S3S)" --target-dir "$(S3S)/build"
	rm -rf "$(S3S)/build"

test-duckdb: $(DUCKDB) $(DUCKDBS)/installed ## whether each DuckDB from 1.0 to 2.0 reads a store's views and macros alike
	HCLAKE_DUCKDBS="$(DUCKDBS)" $(CARGO) test --locked $(FEATURES) --test it -- --ignored --nocapture duckdb_versions::

$(DUCKDBS)/installed: tests/interop/duckdb_versions.txt
	rm -rf "$(DUCKDBS)"
	while read -r version; do python3 -m pip install --quiet --no-deps --only-binary :all: \
	  --target "$(DUCKDBS)/$$version" "duckdb==$$version"; done < $<
	touch "$@"

test-browser: $(DUCKDB) $(BROWSER)/installed ## the dashboard in headless Chromium; leaves pictures in target/browser/shots
	HCLAKE_BROWSER="$(BROWSER)" $(CARGO) test --locked $(FEATURES) --test it -- --ignored --nocapture browser::

$(BROWSER)/installed: tests/browser/package.json
	@command -v chromium >/dev/null || { echo "error: there is no chromium; on Debian: apt-get install chromium fonts-noto-cjk"; exit 1; }
	mkdir -p "$(BROWSER)" && cp $< "$(BROWSER)/"
	cd "$(BROWSER)" && npm install --silent --no-audit --no-fund
	touch "$@"

test-bundled: announce-bundled ## the tests against DuckDB compiled from source, in a folder of its own
	CARGO_TARGET_DIR="$(CARGO_TARGET_DIR)/bundled" $(CARGO) test --locked

clean: ## everything that was built
	rm -rf "$(CARGO_TARGET_DIR)"

include .pack/pack.mk

announce-bundled:
	@echo "DuckDB is compiled from source: about 25 minutes on two cores, once." \
	      "With npm on Linux x86-64 the prebuilt library is used instead."

$(DUCKDB_LIB):
	@echo "fetching DuckDB's prebuilt library ($(DUCKDB_PACKAGE) $(DUCKDB_VERSION), 24 MB)"
	@rm -rf "$(DUCKDB_DIR).part" && mkdir -p "$(DUCKDB_DIR).part"
	@cd "$(DUCKDB_DIR).part" && npm pack --silent "$(DUCKDB_PACKAGE)@$(DUCKDB_VERSION)" >/dev/null \
	  || { echo "error: npm could not fetch $(DUCKDB_PACKAGE)"; \
	       echo "hint: check npm's registry settings, or compile DuckDB from source: make BUNDLED=1" ; exit 1; }
	@cd "$(DUCKDB_DIR).part" && echo "$(DUCKDB_SHA512)  $$(ls *.tgz)" | sha512sum --check --quiet --strict \
	  || { echo "error: the library's checksum is not the pinned one; it was not used"; exit 1; }
	@cd "$(DUCKDB_DIR).part" && tar xzf *.tgz --strip-components=1 package/libduckdb.so package/LICENSE && rm *.tgz
	@touch "$(DUCKDB_DIR).part/libduckdb.so" && rm -rf "$(DUCKDB_DIR)" && mv "$(DUCKDB_DIR).part" "$(DUCKDB_DIR)"
