# Commands of Rider Photos; `make` alone lists them. POSIX sh and make 3.81 suffice.

VENV := .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
# Runs on a Python that can run the app as Lambda does, and make a virtual environment.
SUITABLE := import sys, venv, ensurepip; sys.exit(not (3, 12) <= sys.version_info[:2] <= (3, 13))
# Runs in an environment that is whole.
WHOLE := import sys, pip; sys.exit(not (3, 12) <= sys.version_info[:2] <= (3, 13))

# A Python that was removed or upgraded since takes its environment with it.
$(shell "$(PYTHON)" -c '$(WHOLE)' >/dev/null 2>&1 || rm -f "$(READY)")

export PHOTOS STAGE SENDER REGION COUNT SEED PARTS

.DEFAULT_GOAL := help
.PHONY: help setup python demo local test screenshots simulate bench bench-faces bench-collections fuzz-faces check deploy destroy

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-17s %s\n", $$1, $$2}' Makefile

demo: $(READY) ## upload sample photos and show what becomes of them; PHOTOS=DIR takes your own
	@"$(PYTHON)" -m local demo $${PHOTOS:+-- "$$PHOTOS"}

local: $(READY) ## keep the same stack running until Ctrl-C
	@"$(PYTHON)" -m local up

test: $(READY) ## run all tests
	@export EXERCISED_GRANTS="$$(mktemp -d)"; trap 'rm -rf "$$EXERCISED_GRANTS"' EXIT; \
	"$(PYTHON)" -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder && \
	"$(PYTHON)" -m tests.e2e.exercised "$$EXERCISED_GRANTS"

screenshots: $(READY) ## pictures of each state of the rider's page, into .bench/screenshots
	@"$(PYTHON)" -m tests.browser.screenshots

simulate: $(READY) ## random schedules of concurrent executions, with faults, until Ctrl-C; COUNT=… SEED=…
	@"$(PYTHON)" -m tests.simulation $${COUNT:-0} $${SEED:+"$$SEED"}

bench: $(READY) ## measure thumbnail, start, bundle, calls and pipeline beside the best possible; PARTS="…"
	@"$(PYTHON)" -m benchmarks.costs $$PARTS

bench-collections: $(READY) ## search, insert, delete, memory and restart of a collection: numpy, faiss-cpu, usearch
	@"$(PYTHON)" -m benchmarks.collections

fuzz-faces: $(READY) ## mutated photos for the face service; COUNT=5000 SEED=1
	@"$(PYTHON)" -m benchmarks.fuzz_faces $${COUNT:-5000} $${SEED:-1}

bench-faces: $(READY) ## measure the face service on labelled photos; PHOTOS=DIR with a manifest.csv
	@"$(PYTHON)" -m benchmarks.faces $${PHOTOS:+"$$PHOTOS"}

check: $(READY) ## lint, format, types, and what judges that others wrote say
	"$(PYTHON)" -m ruff check .
	"$(PYTHON)" -m ruff format --check .
	"$(PYTHON)" -m mypy
	"$(VENV)/bin/cfn-lint" statemachine/resources.yaml statemachine/operations.yaml
	"$(PYTHON)" -m checks

deploy: $(READY) ## deploy to AWS; STAGE=dev SENDER=photos@example.com [REGION=us-east-1] [ARGS=…]
	@test -n "$$STAGE" || { echo "make deploy needs STAGE=… (and SENDER=… the first time)" >&2; exit 2; }
	@"$(PYTHON)" -m deploy up --stage "$$STAGE" $${SENDER:+--sender "$$SENDER"} $${REGION:+--region "$$REGION"} $(ARGS)

destroy: $(READY) ## remove a stage from AWS, with all its photos; STAGE=dev [REGION=us-east-1] [ARGS=…]
	@test -n "$$STAGE" || { echo "make destroy needs STAGE=…" >&2; exit 2; }
	@"$(PYTHON)" -m deploy down --stage "$$STAGE" $${REGION:+--region "$$REGION"} $(ARGS)

setup: $(READY) ## prepare .venv (the other commands do it by themselves)

# The newest suitable Python: on PATH, under pyenv (whose shims may name what isn't there), else python3.
python: ## print the Python that .venv is made with
	@for candidate in \
	  python3.13 "$$PYENV_ROOT"/versions/3.13*/bin/python3.13 "$$HOME"/.pyenv/versions/3.13*/bin/python3.13 \
	  python3.12 "$$PYENV_ROOT"/versions/3.12*/bin/python3.12 "$$HOME"/.pyenv/versions/3.12*/bin/python3.12 \
	  python3; \
	do \
	  if "$$candidate" -c '$(SUITABLE)' >/dev/null 2>&1; then \
	    "$$candidate" -c 'import sys; print(sys.executable)'; exit 0; \
	  fi; \
	done; \
	echo "Rider Photos needs Python 3.13 or 3.12, with its venv module. Install it:" >&2; \
	echo "  Debian, Ubuntu   sudo apt install python3 python3-venv   (if that is 3.12 or 3.13)" >&2; \
	echo "  macOS            brew install python@3.13" >&2; \
	echo "  any              pyenv install 3.13" >&2; \
	exit 1

$(READY): requirements-dev.txt requirements.txt
	@if ! "$(PYTHON)" -c '$(WHOLE)' >/dev/null 2>&1; then \
	  found=$$($(MAKE) -s --no-print-directory python) || exit 1; \
	  echo "Making $(VENV) with $$found"; \
	  "$$found" -m venv --clear "$(VENV)" || exit 1; \
	fi
	@echo "Installing requirements-dev.txt into $(VENV), once, a minute or two: a dot for each package"
	@rm -f "$(READY)"; \
	{ "$(PYTHON)" -m pip install --disable-pip-version-check --no-input -r requirements-dev.txt \
	  && touch "$(READY)"; } | awk '/^ *Collecting/ { printf "."; system("") } END { print "" }'; \
	test -f "$(READY)"
