# One screen of commands. Everything they need, they install.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

SANDBOX ?= sandbox
STACK ?= prod

CHECK := tools/with.sh check
WITH := tools/with.sh sandbox
TSX := node_modules/.bin/tsx

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  SANDBOX=name chooses another sandbox, STACK=name another stack file"

.PHONY: up
up: ## raise the whole environment of Pulumi.sandbox.yaml on this Linux machine
	@$(WITH) $(TSX) sandbox/main.ts up $(SANDBOX)

.PHONY: down
down: ## remove that environment, and nothing else
	@$(WITH) $(TSX) sandbox/main.ts down $(SANDBOX)

.PHONY: status
status: ## verify every machine of that environment, changing nothing
	@$(WITH) $(TSX) sandbox/main.ts status $(SANDBOX)

.PHONY: preview
preview: ## the engine's preview of Pulumi.$(STACK).yaml
	@$(CHECK) $(TSX) sandbox/main.ts preview $(STACK)

.PHONY: check
check: ## format, lint, types, unit tests, golden files: under a minute
	@$(CHECK) npm run --silent check

.PHONY: test
test: ## everything: check, then the real engine, real programs, real machines
	@$(WITH) npm run --silent test

.PHONY: drills
drills: ## what takes longer: the engine killed around every machine's creation
	@$(WITH) npm run --silent drills

.PHONY: bench
bench: ## the figures of docs/performance.md
	@$(WITH) $(TSX) test/bench/bench.ts

.PHONY: golden
golden: ## write the golden files anew; review the difference as the change itself
	@$(CHECK) npm run --silent golden
