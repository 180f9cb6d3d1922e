# Every target needs Rust alone, except where it says otherwise. `make` lists them.

CARGO ?= cargo
# dev builds faster and measures nothing.
PROFILE ?= release
BINARY = $(or $(CARGO_TARGET_DIR),target)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/pricestream
SCENARIOS ?= load-tests/scenarios/*.toml
SEEDS ?= 100000
FUZZ_SECONDS ?= 60
DEV_TOKEN = local-development

.DEFAULT_GOAL := help
.PHONY: help demo up build test test-cloud test-containers terraform-check cloud-up cloud-down e2e simulate fuzz load soak growth instructions bench bench-peers bench-pricing lint fmt

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## Play a synthetic flash sale through the whole pipeline, and verify every price of it
	@$(BINARY) demo

# The token of a server that listens on this machine alone is no secret; your own is taken from the environment and not shown.
up: build ## Run the server on 127.0.0.1:8080 with the example catalogue; its store is .pricestream
ifdef PRICESTREAM_ADMIN_TOKEN
	@$(BINARY) up --catalogue examples/catalogue.ndjson --strategies examples/strategies.json
else
	@echo "admin token: $(DEV_TOKEN) (set PRICESTREAM_ADMIN_TOKEN for another)"
	@PRICESTREAM_ADMIN_TOKEN=$(DEV_TOKEN) $(BINARY) up --catalogue examples/catalogue.ndjson --strategies examples/strategies.json
endif

build: ## Build the release binary
	@$(CARGO) build --profile $(PROFILE) --locked --package pricestream

# cargo-nextest is faster and isolates each test, but runs no documentation tests.
test: ## Run every test (with cargo-nextest where it is installed)
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		$(CARGO) nextest run --workspace --all-features --locked && $(CARGO) test --workspace --all-features --locked --doc --quiet; \
	else \
		$(CARGO) test --workspace --all-features --locked; \
	fi

cloud-up: ## Bring up the whole cloud on this machine: emulator of AWS, Valkey, the functions (needs Python 3.10)
	@localstack/cloud up

cloud-down: ## End what cloud-up began, and leave nothing behind
	@localstack/cloud down

# One after the other: they put faults into what all of them use.
e2e: ## Test the flow from end to end on the cloud that cloud-up brought up, faults included
	@localstack/cloud status >/dev/null || { echo "e2e: make cloud-up first" >&2; exit 1; }
	@$(CARGO) test --package pricestream-e2e --test e2e --locked -- --include-ignored --test-threads=1 --nocapture

# Emulator and Valkey are brought up for it and ended after it, whatever it says.
test-cloud: ## Run the contract suite on an emulator of AWS and on Valkey (needs Python 3.10)
	@localstack/cloud up --bare && eval "$$(localstack/cloud env --bare)" && \
		if $(CARGO) nextest --version >/dev/null 2>&1; then \
			$(CARGO) nextest run --workspace --all-features --locked -E 'package(pricestream-aws)'; \
		else \
			$(CARGO) test --package pricestream-aws --all-features --locked; \
		fi; status=$$?; localstack/cloud down --bare; exit $$status

test-containers: ## Run the contract suite on containers (needs Docker; PRICESTREAM_EMULATOR=localstack for LocalStack)
	@if docker info >/dev/null 2>&1; then \
		$(CARGO) run --locked --quiet --manifest-path localstack/testcontainers/Cargo.toml -- \
			$(CARGO) test --package pricestream-aws --all-features --locked; \
	else \
		echo "SKIPPED: the contract suite on containers (the engine of Docker does not answer)"; \
	fi

# TERRAFORM_TOOLBOX may name a directory with stand-ins for the registry and the cloud; else the terraform on PATH is used.
terraform-check: ## Hold terraform/ to its rules without a cloud: format, validations, tests, contracts, refused edits (needs Python 3)
	@terraform/check $(if $(TERRAFORM_TOOLBOX),--emulator)

simulate: ## Run many more seeds of the fault simulation than the tests do (SEEDS=100000)
	@$(CARGO) run --release --locked --package pricestream-simulation -- --seeds $(SEEDS)

# What a target finds is kept in fuzz/artifacts; the examples are where it begins. No unsafe code is fuzzed, so no sanitizer.
fuzz: ## Fuzz the promotion engine, each target for FUZZ_SECONDS=60 (needs cargo-fuzz and a nightly toolchain)
	@if $(CARGO) fuzz --version >/dev/null 2>&1 && rustup toolchain list 2>/dev/null | grep -q nightly; then \
		for target in rule_set request structured; do \
			mkdir -p fuzz/corpus/$$target && \
			RUSTUP_TOOLCHAIN=nightly $(CARGO) fuzz run -s none $$target fuzz/corpus/$$target \
				examples/promotions examples/promotions/kinds examples/promotions/double-eleven \
				-- -max_total_time=$(FUZZ_SECONDS) -max_len=16384 -timeout=20 || exit 1; \
		done; \
	else \
		echo "SKIPPED: cargo-fuzz or a nightly toolchain is not installed (libs/promotion-engine/tests/fuzz.rs runs without)"; \
	fi

# Benchmarks say "BENCH", goal, what was measured, ratio and verdict, a tab between; the table of those comes last.
define BENCH_TABLE
$$1 == "BENCH" { rows++; for (i = 2; i <= 5; i++) { cell[rows, i] = $$i; if (length($$i) > width[i]) width[i] = length($$i) }; next }
$$0 == "BENCH_FAILED" { failed = 1; next }
{ print; fflush() }
END {
  split(".,goal,measured,ratio,verdict", title, ",")
  for (i = 2; i <= 5; i++) { cell[0, i] = title[i]; if (length(title[i]) > width[i]) width[i] = length(title[i]) }
  print ""
  for (row = 0; row <= rows; row++)
    printf "%-*s  %-*s  %*s  %s\n", width[2], cell[row, 2], width[3], cell[row, 3], width[4], cell[row, 4], cell[row, 5]
  exit failed
}
endef
export BENCH_TABLE

# RECORDING=changes.ndjson plays recorded stock changes too; URL=… loads a target that runs already, whose settings are replaced.
load: build ## Put eleven kinds of load on a server of its own, and check what is left (five minutes; RECORDING=FILE, URL=…, LOAD_SECONDS=5 for less)
	@$(CARGO) build --profile $(PROFILE) --locked --quiet --package pricestream-load-tests
	@$(dir $(BINARY))load $(if $(URL),--target "$(URL)" --replace-settings) $(if $(RECORDING),--recording "$(RECORDING)") \
		$(if $(LOAD_SECONDS),--seconds $(LOAD_SECONDS)) $(SCENARIOS)

soak: build ## Put a steady load on a server for an hour, and see whether its memory grows (LOAD_SECONDS=1200 for less)
	@$(CARGO) build --profile $(PROFILE) --locked --quiet --package pricestream-load-tests
	@$(dir $(BINARY))load --out target/soak $(if $(LOAD_SECONDS),--seconds $(LOAD_SECONDS)) load-tests/soak.toml

growth: build ## Measure how cost grows with SKUs, promotions, lines, subscribers and history (ten minutes; MOST=1000 for less)
	@$(CARGO) build --profile $(PROFILE) --locked --quiet --package pricestream-load-tests
	@$(dir $(BINARY))growth $(if $(MOST),--most $(MOST))

# A count does not depend on what else the machine does, so that 5 % more fails. `hot-paths/check --update` writes the baseline anew.
instructions: ## Count the instructions of the hot paths under valgrind, against hot-paths/baseline.json (needs valgrind, Python 3)
	@hot-paths/check

# PEERS holds the programs that drive other engines over the same carts; these are installed, and its floor is built, in .local/peers.
PEER_ROWS = python3 libs/promotion-engine/benches/peers.py "$(PEERS)" --work .local/peers $(if $(WITH_CRATE),--with-crate)

bench: ## Run the benchmarks; what was measured and whether it meets its goal come last (PEERS=directory for other engines' rows too)
	@{ { $(CARGO) bench --workspace --locked --no-fail-fast --bench '*' || echo BENCH_FAILED; } && \
		$(if $(PEERS),{ $(PEER_ROWS) || echo BENCH_FAILED; },true); } | awk -F '\t' "$$BENCH_TABLE"

bench-peers: ## Price the same carts with other engines, in one run (PEERS=directory, WITH_CRATE=1 to build the zen-engine crate; needs Node)
	@{ $(PEER_ROWS) || echo BENCH_FAILED; } | awk -F '\t' "$$BENCH_TABLE"

bench-pricing: ## Show how far the repricing strategies are from the proven optimum (about ten minutes; RUNS=200 for less)
	@$(CARGO) run --release --quiet --locked --package pricestream-pricing-lab --example goals

lint: ## Check formatting, clippy, documentation, and (with cargo-deny) dependencies
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-features --all-targets --locked --quiet -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --all-features --no-deps --locked --quiet
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
		$(CARGO) deny --log-level error check bans licenses sources; \
	elif [ -n "$$CI" ]; then \
		echo "lint: cargo-deny is missing" >&2; exit 1; \
	else \
		echo "SKIPPED: cargo deny check bans licenses sources (cargo-deny is not installed)"; \
	fi

fmt: ## Format the code
	@$(CARGO) fmt --all
