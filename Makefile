# The short way to everything; CMakePresets.json is the long one.  make help
# Settings: MODEL=file.gguf  PORT=8080  JOBS=2  ARGS="more flags for serve"  PREFIX=/usr/local
# A job for each core, and 1 GiB of memory for each job.
JOBS ?= $(shell awk -v cores="$$(nproc)" '/^MemAvailable/ {n = int($$2 / 1048576); \
	print n < 1 ? 1 : n < cores ? n : cores}' /proc/meminfo)
PORT ?= 8080
PREFIX ?= /usr/local
PYTHON := .venv/bin/python3
SOURCES = git ls-files '*.h' '*.cpp' '*.cu' '*.inl'

.PHONY: help serve build install test bench check format asan tsan clean bootstrap bootstrap-test
help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

serve: ## build, then serve MODEL (default: the small embedded model) on PORT
	@tools/serve_advice before "$(if $(findstring --host,$(ARGS)),0,$(PORT))" "$(MODEL)"
	@$(MAKE) --no-print-directory build STAGES=4
	@echo "[4/4] serve"
	@build/release/sluice serve --port "$(PORT)" $(if $(MODEL),--model "$(MODEL)") $(ARGS) \
		|| tools/serve_advice after "$(PORT)" "$(MODEL)" $$?

STAGES := 3
build: ## compile the program: build/release/sluice
	@echo "[1/$(STAGES)] packages"
	@$(MAKE) --no-print-directory bootstrap
	@echo "[2/$(STAGES)] configure"
	@cmake --preset release >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@echo "[3/$(STAGES)] compile, $(JOBS) at a time"
	@cmake --build build/release --target sluice -j$(JOBS) \
		|| { echo "next: if a compiler was killed, there was too little memory: make serve JOBS=1" >&2; exit 1; }

install: build ## build, then put program, man page and completions under PREFIX (/usr/local)
	cmake --install build/release --prefix "$(PREFIX)"

test: bootstrap-test ## build everything, run the unit tests, then the end-to-end tests
	tools/run_tests release

bench: build ## kernel and serving benchmarks; results go to bench/results/
	cmake --build build/release -j$(JOBS)
	python3 bench/run.py $(MODEL)

check: bootstrap-test ## layers, lengths, names and formatting
	python3 tools/tidy.py
	@$(SOURCES) | xargs -r clang-format-16 --dry-run -Werror && echo "format: clean"

format: bootstrap-test ## reformat every source file
	@$(SOURCES) | xargs -r clang-format-16 -i

asan: bootstrap-test ## the unit tests under the address and undefined-behaviour sanitizers
	tools/run_tests asan

tsan: bootstrap-test ## the unit tests under the thread sanitizer
	tools/run_tests tsan

clean: ## remove build/ and .venv/
	rm -rf build .venv

bootstrap:
	@mkdir -p build && tools/bootstrap build
bootstrap-test:
	@mkdir -p build && tools/bootstrap test
