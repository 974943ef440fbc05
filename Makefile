# Every target prints what it does. `make help` lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.8
MEMBERS := core operator extender cli lab
E2E_JOBS ?= 2
PYTEST := $(BIN)/python -m pytest

# The tests start hundreds of programs, which would compile themselves and all that they import each time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup check slow test e2e-kind chart chart-files e2e e2e-matrix kueue demo bench bench-full bench-short bench-core bench-extender bench-live fuzz docs lock control-plane images release version format clean

help:  ## list the targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /  make \1\t/' | expand -t 22

setup: $(VENV)/.ready  ## make the virtual environment from the hash-pinned requirements

$(VENV)/.ready: requirements.txt $(MEMBERS:%=%/pyproject.toml)
	@echo "== setup: system packages (deploy/debian-packages.txt)"
	@deploy/install-debian-packages
	@echo "== setup: virtual environment in $(VENV) ($(shell $(PYTHON) --version))"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@echo "== setup: hash-checked requirements"
	@$(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --require-hashes -r requirements.txt
	@echo "== setup: our own packages, editable"
	@$(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --no-deps --no-build-isolation $(MEMBERS:%=-e %)
	@touch $@

control-plane: setup  ## find or build etcd, kube-apiserver, kube-scheduler, kwok (cached outside the checkout)
	@go=$$(deploy/ensure-go $(BIN)/python) && found=$$(PATH="$$go:$$PATH" $(BIN)/python deploy/control-plane/control_plane.py build) && echo "== control plane: its programs are in $$found"

check: setup  ## ruff, mypy --strict, import-linter, unit tests (no cluster; under two minutes)
	@echo "== check: ruff"
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .
	@echo "== check: mypy --strict"
	@$(BIN)/mypy
	@echo "== check: import-linter (core <- the rest, siblings independent)"
	@$(BIN)/lint-imports
	@echo "== check: docs/reference is what the code says"
	@$(BIN)/python docs/generate.py --check
	@echo "== check: the chart's CRDs, schema and README are what their sources say"
	@PYTHONPATH=deploy/chart $(BIN)/python deploy/chart/generate_chart.py --check
	@echo "== check: unit tests (make slow has those that take seconds, make chart those that need helm)"
	@$(PYTEST) tests -n auto --ignore=tests/chart -m "not slow"

slow: setup  ## the unit tests that take seconds: they start programs, play benchmarks, draw thousands of examples
	@echo "== slow: unit tests that take seconds"
	@$(PYTEST) tests -n auto --ignore=tests/chart -m slow

test: check slow docs chart bench-short e2e e2e-kind  ## everything that CI runs: check, the slow unit tests, the manual, the chart, the benchmarks' short form, then e2e on a real control plane and on kind

# Each module has clusters of its own and mostly waits for them: two at a time take hardly longer than one.
e2e: control-plane  ## end-to-end tests against real etcd, kube-apiserver, kube-scheduler, kwok, Prometheus; E2E_JOBS=1 takes a module at a time
	@echo "== e2e: real control plane, no containers, $(E2E_JOBS) modules at a time"
	@$(PYTEST) e2e/kwok -n $(E2E_JOBS) --dist loadfile

e2e-kind: control-plane  ## install the chart on a real kind cluster, run, break, upgrade and remove it; writes build/e2e-kind/report.json; KEEP=1 leaves the cluster
	@echo "== e2e-kind: a kind cluster with real kubelets, where there is a container engine"
	@rm -f build/e2e-kind/report.json   # one of an earlier run must not speak for this one
	@go=$$(deploy/ensure-go $(BIN)/python) && PATH="$$go:$$PATH" $(PYTEST) e2e/kind
	@! test -f build/e2e-kind/report.json || cat build/e2e-kind/report.json

e2e-matrix: control-plane  ## the end-to-end tests on the oldest and the newest Kubernetes; ARGS="--minors 1.34 --suites test_stack" takes less, --jobs 1 a suite at a time; writes build/e2e-matrix/report.json
	@go=$$(deploy/ensure-go $(BIN)/python) && PATH="$$go:$$PATH" $(BIN)/python deploy/control-plane/matrix.py $(ARGS)

kueue: setup  ## build the managers of Kueue and JobSet (cached outside the checkout), for the tests beside them
	@go=$$(deploy/ensure-go $(BIN)/python) && PATH="$$go:$$PATH" $(BIN)/python deploy/control-plane/queueing.py

demo: control-plane  ## the main job: plan, place and finish HeteroJobs on 60 fake nodes; ARGS=--keep leaves it running
	@$(BIN)/python deploy/demo/demo.py $(ARGS)

bench: setup  ## all benchmarks with three seeds and the decision core's, then the report; what is done is kept; ARGS=--fresh repeats it
	$(call benchmarks,build/bench,$(ARGS),--sample 6)

bench-full: setup  ## the same with ten seeds and every workflow of the decision core
	$(call benchmarks,build/bench,--full $(ARGS),)

bench-short: setup  ## the short form of all benchmarks, in a few minutes, and its report
	@echo "== bench-short: every benchmark's short form into build/bench-short"
	@code=0; $(BIN)/heterosched bench run all --short --check-ranges --output build/bench-short $(ARGS) || code=$$?; \
	  if [ $$code != 130 ]; then $(BIN)/heterosched bench report build/bench-short || code=1; fi; exit $$code

# Folder, options of `bench run`, options of bench_core. What fails does not keep the rest; Ctrl-C ends the whole.
define benchmarks
@echo "== $@: the lab's benchmarks into $(1), one folder each"
@export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1; code=0; \
  $(BIN)/heterosched bench run all --check-ranges --output $(1) $(2) || code=$$?; \
  if [ $$code = 130 ]; then exit 130; fi; \
  echo "== $@: the decision core (B4, B7) into $(1)/core.json"; \
  $(BIN)/python deploy/bench/bench_core.py --keep --work $(1) $(3) > /dev/null || code=1; \
  echo "== $@: the report over all of it"; \
  $(BIN)/heterosched bench report $(1) || code=1; exit $$code
endef

bench-extender: setup  ## race the busy extender against a Go one (needs ../shared/tools or HETEROSCHED_TOOLS); ARGS=--flat=1000000 watches memory
	@go=$$(deploy/ensure-go $(BIN)/python) && PATH="$$go:$$PATH" PYTHONPATH=deploy/control-plane $(BIN)/python deploy/bench/extender_race.py $(ARGS)

bench-live: control-plane  ## what the extender costs a real kube-scheduler, in pairs; ARGS="--nodes 500 --pairs 2" for a short run
	@go=$$(deploy/ensure-go $(BIN)/python) && PATH="$$go:$$PATH" PYTHONPATH=deploy/control-plane:deploy/scheduler $(BIN)/python deploy/bench/bench_live.py $(ARGS)

fuzz: setup  ## a million bodies at the extender's verbs (make slow sends 20,000)
	@HETEROSCHED_FUZZ_BODIES=1000000 $(PYTEST) tests/extender/test_protocol_fuzz.py

bench-core: setup  ## all figures of the decision core beside their goals, and SAGA as a peer; ARGS="--sample 6" is quick
	@OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python deploy/bench/bench_core.py $(ARGS)

docs: setup  ## the manual: docs/reference from the code, then build/site with build/site/heterosched.pdf (no network)
	@echo "== docs: reference from the code"
	@$(BIN)/python docs/generate.py
	@echo "== docs: the site, links checked"
	@http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "== docs: the PDF"
	@$(BIN)/python docs/pdf.py

chart: control-plane  ## lint the Helm chart and test what it renders (e2e installs it into a real API server)
	@echo "== chart: helm lint --strict, then tests/chart"
	@$$(PYTHONPATH=deploy/control-plane $(BIN)/python -c 'import binaries; print(binaries.cache_folder())')/bin/helm lint --strict --quiet helm/heterosched
	@$(PYTEST) tests/chart -n auto

chart-files: setup  ## write the chart's CRDs, values.schema.json and the table in its README from their sources
	@PYTHONPATH=deploy/chart $(BIN)/python deploy/chart/generate_chart.py

images: setup  ## build the container images with a real engine, run each, build them again and compare; ARGS="--only cli --once"
	@PYTHONPATH=deploy/engine $(BIN)/python deploy/images/images.py $(ARGS)

release: control-plane  ## wheels, chart, images, bills of material and checksums into dist/; ARGS=--allow-dirty for a trial
	@PYTHONPATH=deploy/control-plane:deploy/engine:deploy/images $(BIN)/python deploy/release/release.py $(ARGS)

version: setup  ## write the version of the file VERSION to everything that names it; ARGS=0.2.0 sets it first
	@$(BIN)/python deploy/release/version.py --write $(ARGS)

format:  ## format the code and sort the imports
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lock: setup  ## renew requirements.txt, the hash-pinned lock
	@$(BIN)/uv lock --upgrade
	@$(BIN)/uv export --quiet --no-emit-workspace --no-header --all-packages --all-groups --format requirements.txt > requirements.txt

clean:  ## remove the virtual environment and everything built (the control plane's cache stays)
	@echo "== clean: $(VENV), build/, dist/, caches"
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
