# EM-Connect. `make` alone lists what there is to do; infra/local/stack is what runs the servers and services.

# One set of flags for each configuration and never another: changed flags make SwiftPM build everything again.
swift_flags := --explicit-target-dependency-import-check error
swift_sources := Package.swift Plugins Sources api-service ticket-worker notifications ws-hub Tests

.PHONY: help run up down test lint format build debug swift-tests frontend install screenshots bench chaos growth mutants sqlmap compose-test sbom
.DEFAULT_GOAL := help

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  Settings, from the environment: EM_PORT (8080), EM_STATE_DIR (.local), EM_RATE_LIMIT=off,"
	@echo "  API_SERVICE, WS_HUB, TICKET_WORKER, NOTIFICATIONS (how many of each, 1). More: infra/local/stack help"

run: build ## Build and start everything, follow the logs; Ctrl-C stops all of it
	@infra/local/stack run

up: build ## The same, detached: returns once everything is ready
	@infra/local/stack up

down: ## Stop what `make up` started
	@infra/local/stack down

test: ## Everything: lint, unit, integration, flow and browser tests, with servers of their own
	@infra/local/test

lint: ## Check the formatting of the Swift code and the types of the pages
	@swift format lint --strict -r $(swift_sources)
	@! grep -rnE '\\\([^()]*\) IS NULL OR' Sources || { echo "an optional filter is optional SQL: \\(given:)"; exit 1; }
	@frontend/check

format: ## Format the Swift code
	@swift format --in-place -r $(swift_sources)

build: install frontend ## Build the services (release) and the pages
	@swift build -c release --static-swift-stdlib $(swift_flags)

# Steps of `make test`, and of use alone: `make debug`, then EM_BUILD=debug infra/local/stack up
debug:
	@swift build --build-tests $(swift_flags)

# One after the other: tests that wait for deadlines, all at once on two cores, would measure the machine.
swift-tests:
	@infra/local/swift-tests

frontend: install
	@frontend/build

install:
	@infra/local/install run

screenshots: ## Pictures of every page of what `make up` runs: desktop and phone, light and dark
	@infra/local/install test
	@EM_LOOKS=all .local-tools/venv/bin/python -m pytest -q Tests/Browser/Pages/test_looks.py
	@echo "every page, on desktop and phone, light and dark: $${EM_STATE_DIR:-.local}/screenshots/looks"

bench: build ## Benchmarks on a stack of their own, each as a ratio to a peer measured in the same run
	@infra/local/install bench
	@Tests/Bench/run

chaos: install debug ## Faults under load, at most five minutes; PROFILE=long takes half an hour
	@infra/local/install test
	@Tests/Chaos/run $(or $(PROFILE),quick)

growth: install debug frontend ## What each route and chore reads while the tables grow a hundredfold; SIZE=L to five millions
	@infra/local/install test
	@Tests/Growth/run S M $(filter L,$(SIZE))

sqlmap: install debug frontend ## Let sqlmap try five parameters for five minutes; it must find nothing
	@infra/local/install sqlmap
	@Tests/Security/sqlmap

compose-test: ## The product from containers: use it, scale it, kill each of them, down and up; sizes and memory
	@Tests/Compose/run

sbom: ## What the product is made of, as CycloneDX: sbom.json
	@infra/sbom sbom.json
	@echo "sbom.json: $$(grep -c '"bom-ref"' sbom.json) parts"

mutants: install debug ## Take one guard away at a time in the source, and see a test turn red
	@Tests/Mutants/run
	@Tests/Growth/run --mutants
