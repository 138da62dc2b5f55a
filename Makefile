# Everything a developer or CI runs. What a target needs and the machine lacks, tests/tools/install brings.
export PATH := $(CURDIR)/.tools/bin:$(PATH)
MAKEFLAGS += --no-print-directory
INSTALL := tests/tools/install
NODE_TEST := node --test --test-reporter=spec --test-concurrency=1 --test-timeout=1200000
FUZZ_SECONDS ?= 60

.PHONY: help demo idp check test test-rust test-samael test-browser test-peers peers bench fuzz

help:
	@echo 'make demo    a throw-away gateway with people and an identity provider; prints where to click'
	@echo 'make idp     SimpleSAMLphp as an identity provider to click through; PEER=keycloak or pysaml2 for another'
	@echo 'make check   formatting, clippy, licences and bans, import rule'
	@echo 'make test    Rust tests, also of the feature samael, the browser, SimpleSAMLphp, pysaml2 and scim2-tester'
	@echo 'make peers   every program we test with: Keycloak too, and all that speak SCIM'
	@echo 'make bench   what a verification and a request cost'
	@echo 'make fuzz    canonicalization against libxml2, then every fuzz target for FUZZ_SECONDS (60)'

LISTEN ?= 127.0.0.1:8080
demo:
	@cargo run --quiet -- demo --listen $(LISTEN)

PEER ?= simplesamlphp
idp:
	@$(INSTALL) node $(PEER)
	@node tests/peers/run.mjs $(PEER)

check:
	cargo fmt --check
	cargo clippy --quiet --all-targets --features testing -- -D warnings
	cargo clippy --quiet -- -D warnings
	@$(INSTALL) samael deny
	cargo clippy --quiet --all-targets --features testing,samael -- -D warnings
	cargo deny --config .cargo/deny.toml check --allow unused-wrapper licenses bans sources
	cargo deny --config .cargo/deny.toml --features samael check licenses bans sources
	cargo test --quiet --features testing --test it architecture

test: test-rust test-samael test-browser test-peers

test-rust:
	cargo test --features testing

# The second opinion on SAML answers, and every sign-in and start with it.
test-samael:
	@$(INSTALL) samael
	cargo test --features testing,samael --lib saml::
	cargo test --features testing,samael --test it -- second_opinion saml_sign_in saml_connections

# With the features of test-rust, so that its build of the binary serves here too.
test-browser:
	@$(INSTALL) browser simplesamlphp
	cargo build --quiet --features testing
	$(NODE_TEST) tests/browser/*.test.mjs

test-peers:
	@$(INSTALL) browser simplesamlphp pysaml2 scim
	cargo build --quiet --features testing
	PEERS='simplesamlphp pysaml2 scim2-tester' $(NODE_TEST) tests/peers/*.test.mjs

peers:
	@$(INSTALL) browser simplesamlphp pysaml2 keycloak scim
	cargo build --quiet --features testing
	PEERS='simplesamlphp pysaml2 keycloak scim2-tester scim-sanity scim2-client' $(NODE_TEST) tests/peers/*.test.mjs

bench:
	cargo build --release
	cargo bench --features testing --bench '*'

FUZZ_SEED ?= $(shell date +%s)
fuzz:
	@$(INSTALL) fuzz
	@mkdir -p target
	.tools/python/bin/python tests/fuzz/c14n.py $(FUZZ_SEED) 6000 > target/c14n.json
	DOORWARD_C14N=$(CURDIR)/target/c14n.json cargo test --features testing --lib saml::tests::c14n
	.tools/python/bin/python tests/fuzz/seeds.py
	@for target in $$(cargo fuzz list --fuzz-dir tests/fuzz); do \
		cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none $$target -- -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done
