# The control room, for those who like make. `make` alone lists the commands.
#
# `make run` and `make test` need Python 3.11 or newer with its venv module, and make. Everything else is fetched once,
# pinned and hashed, into .venv and the user's cache.

# local: the plant that `controlroom up` brings up, without Docker. docker: the one in compose.yaml.
PLANT ?= local
# Where the local plant keeps its state; empty: the user's data directory.
DIR ?=
# Further options for the command that is run: make run ARGS="--help"
ARGS ?=
# YES=1 answers the question that `make clean` asks.
YES ?=
COMPOSE ?= docker compose

# A name on the PATH may be a shim that does not run, so each is tried.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3 python3.14; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)
BIN := .venv/bin
# Both stamps hold the lock they stand for. Who has the tools of development has all that it takes to run.
DEV := .venv/requirements.lock
RUN := $(if $(wildcard $(DEV)),$(DEV),.venv/requirements-run.lock)
AT := $(if $(DIR),--dir "$(DIR)")
CONTROLROOM := $(BIN)/controlroom
# Only what has changed is compiled; without a C compiler it says so, and all runs interpreted.
COMPILED := $(BIN)/python -m compiled.build
BACKGROUND := $(BIN)/python scripts/background.py

.DEFAULT_GOAL := help
.PHONY: help run test faults chaos docs lint lock setup start full-start stop clean status health build-sensors start-sensors stop-sensors \
	logs-sensors monitor-sensors monitor test-external test-topics verify-cluster

help: ## List the commands
	@echo "make COMMAND [PLANT=local|docker] [DIR=directory] [ARGS=\"options\"]"
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 20

# The program

run: $(RUN) ## Open the control room; brings up what it needs, stops what it started
	@$(COMPILED)
	@$(CONTROLROOM) console $(AT) $(ARGS)

setup: $(RUN) ## Only install what it takes to run
	@$(COMPILED)

# Each job has a plant of its own, about 900 MB. On two cores four jobs take two thirds of the time of two, but tests that
# wait for a moment of the machine then fail now and then.
JOBS ?= 2
# Modules are compiled once, also where the environment says otherwise: tests start hundreds of interpreters.
test: $(DEV) ## Run all tests (ARGS are pytest's), JOBS at a time
	@$(COMPILED)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

faults: $(DEV) ## Run the whole fault suite: kills, stops and restarts on real brokers
	@$(COMPILED)
	@$(BIN)/python -m pytest tests/faults -m "faults_slow or not faults_slow" $(ARGS)

# How long `make chaos` goes on, over how many seeds.
SECONDS ?= 60
SEEDS ?= 1
chaos: $(DEV) ## Random faults under load for SECONDS over SEEDS seeds, then the audit
	@$(COMPILED)
	@$(BIN)/python -m tests.faults.chaos $(SECONDS) --seeds $(SEEDS) $(ARGS)

# What the theme says about its own successor is no warning about these pages.
SITE := NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

docs: $(DEV) ## Write the pages that come from the code, and the documentation as a site into build/site
	@$(BIN)/python scripts/reference.py
	@$(SITE)

lint: $(DEV) ## Check style, types, layers, compose.yaml and the documentation
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	@$(BIN)/python scripts/reference.py --check
	@$(SITE)

.venv/%.lock: %.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "setup: no Python 3.11 or newer found; on Debian or Ubuntu: apt-get install python3 python3-venv" >&2; exit 1; }
	@"$(PYTHON)" scripts/bootstrap.py $< $@

# Not hashed, and needed by nobody else: the tool that writes the locks.
UV := uv==0.13.9
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock" pyproject.toml

lock: $(DEV) ## Write the three locks anew from pyproject.toml (UPGRADE=--upgrade for newer versions)
	@$(BIN)/python -m pip install --quiet $(UV)
	@$(COMPILE) $(UPGRADE) --extra local --extra notify --extra ml --extra opcua --extra sparkplug --extra parquet --extra serve --extra build --extra dev --output-file requirements.lock
	@$(COMPILE) --extra local --extra opcua --extra sparkplug --extra build --constraint requirements.lock --output-file requirements-run.lock
	@$(COMPILE) --extra opcua --extra sparkplug --extra build --constraint requirements.lock --output-file docker/requirements.lock

# The plant

ifeq ($(PLANT),local)

start: $(RUN) ## Start three brokers and PostgreSQL
	@$(CONTROLROOM) up $(AT) $(ARGS)

full-start: start ## Start everything: the plant, sensors, a detection worker
	@$(BACKGROUND) start sensors $(AT) -- simulate
	@$(BACKGROUND) start detector $(AT) -- detect

stop: $(RUN) ## Stop everything; what is stored stays
	@$(BACKGROUND) stop detector $(AT)
	@$(BACKGROUND) stop sensors $(AT)
	@$(CONTROLROOM) down $(AT)

clean: stop ## Stop everything and delete what is stored (asks first)
	@$(CONTROLROOM) clean $(AT) $(if $(YES),--yes)

status: $(RUN) ## Show what runs
	@$(CONTROLROOM) status $(AT) $(ARGS)
	@$(BACKGROUND) status sensors $(AT)
	@$(BACKGROUND) status detector $(AT)

health: $(RUN) ## Is the plant well? Fails when it is not
	@$(CONTROLROOM) health $(AT) $(ARGS)

build-sensors: $(RUN) ## Build what the sensors run from
	@$(CONTROLROOM) simulate --help >/dev/null && echo "sensors: ready, they run from .venv"

start-sensors: $(RUN) ## Start simulated sensors in the background (ARGS are simulate's)
	@$(BACKGROUND) start sensors $(AT) -- simulate $(ARGS)

stop-sensors: $(RUN) ## Stop the simulated sensors
	@$(BACKGROUND) stop sensors $(AT)

logs-sensors: $(RUN) ## Follow what the sensors log
	@$(BACKGROUND) logs sensors $(AT)

monitor-sensors: $(RUN) ## Follow the readings as JSON lines
	@$(CONTROLROOM) tail $(AT) $(ARGS)

monitor: $(RUN) ## Open the terminal on the running plant; starts and stops nothing
	@$(CONTROLROOM) console --attach $(AT) $(ARGS)

test-external: $(RUN) ## Write and read a record through the outside ports
	@$(CONTROLROOM) verify $(AT) $(ARGS)

test-topics: $(RUN) ## List the topics and how well they are replicated
	@$(CONTROLROOM) topics $(AT) $(ARGS)

verify-cluster: $(RUN) ## Prove the cluster: topics, replication, a record there and back
	@$(CONTROLROOM) verify $(AT) $(ARGS)

else ifeq ($(PLANT),docker)

PLANT_SERVICES := kafka-1 kafka-2 kafka-3 postgres kafka-ui
# Compose leaves services of a profile alone unless the profile is named.
EVERYTHING := $(COMPOSE) --profile full --profile console --profile test
TESTER := $(COMPOSE) run --rm tester
OUTSIDE := localhost:9092 localhost:9094 localhost:9096

# The first start makes up a password; nobody needs to know it.
.env:
	@umask 077; printf 'POSTGRES_PASSWORD=%s\n' "$$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" > $@

start full-start stop clean status health build-sensors start-sensors stop-sensors logs-sensors monitor-sensors monitor \
	test-topics verify-cluster: .env

start:
	@$(COMPOSE) up --detach --wait $(PLANT_SERVICES)
	@$(COMPOSE) run --rm setup

full-start: start
	@$(COMPOSE) up --detach --build sensors detector

stop:
	@$(EVERYTHING) stop

clean:
	@$(if $(YES),,printf 'Delete all containers and all that is stored? [y/N] '; read -r answer; test "$$answer" = y || exit 1;) \
	$(EVERYTHING) down --volumes --remove-orphans

status:
	@$(EVERYTHING) ps --all

health:
	@$(TESTER) controlroom health $(ARGS)

build-sensors:
	@$(COMPOSE) build sensors

start-sensors:
	@$(COMPOSE) up --detach sensors

stop-sensors:
	@$(COMPOSE) stop sensors

logs-sensors:
	@$(COMPOSE) logs --follow --tail 50 sensors

monitor-sensors:
	@$(TESTER) controlroom tail $(ARGS)

monitor:
	@$(COMPOSE) run --rm console

# From the host, through each published port in turn: what `verify-cluster` cannot see from inside.
test-external: $(RUN) .env
	@. ./.env; export CONTROLROOM_DSN="postgresql://controlroom:$$POSTGRES_PASSWORD@localhost:$${POSTGRES_PORT:-15432}/controlroom"; \
	for broker in $(OUTSIDE); do $(CONTROLROOM) verify --brokers $$broker $(ARGS) || exit; done

test-topics:
	@$(TESTER) controlroom topics $(ARGS)

verify-cluster:
	@$(TESTER) controlroom verify $(ARGS)

else
$(error PLANT=$(PLANT): say local or docker)
endif
