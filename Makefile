# Thin targets over CMake presets and npm scripts. Everything is built below build/ and dist/.
SHELL := /bin/bash
.SHELLFLAGS := -e -o pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory
PORT ?= 8080
CLANG_FORMAT ?= clang-format

.PHONY: fuzz help setup setup-fuzz build native wasm page serve test test-native test-asan test-wasm test-page test-readme \
        bench accuracy readme format lint clean

help:
	@echo "make serve      build everything and serve the page on http://localhost:$(PORT)/"
	@echo "make test       build everything and pass every test"
	@echo "make build      command line tool (build/release/cli), npm package (build/wasm/dist), page (dist/site)"
	@echo "make bench      time the engine, write build/bench.json and README's table"
	@echo "make accuracy   compare with measured values, write build/accuracy and README's table"
	@echo "make fuzz       run the fuzzers, FUZZ_SECONDS=4 each (clang)"
	@echo "make readme     run README's examples and write what they print"
	@echo "make format | lint | clean | setup"

setup:
	@./setup.sh

# Configures a preset once, quietly; CMake reconfigures itself afterwards.
build/%/build.ninja: CMakePresets.json cmake/EmscriptenToolchain.cmake
	@mkdir -p $(@D)
	@cmake --preset $* > $(@D)/configure.log 2>&1 || { cat $(@D)/configure.log; exit 1; }
	@touch $@

native: setup build/release/build.ninja
	@echo "command line tool -> build/release/cli/vram-estimator"
	@cmake --build build/release --target vram-estimator -- --quiet

wasm: setup build/wasm/build.ninja
	@echo "npm package -> build/wasm/dist"
	@cmake --build build/wasm -- --quiet

page: wasm
	@npm run --silent build

build: native wasm page

serve: build
	@npm run --silent serve -- $(PORT)

test-native: setup build/release/build.ninja
	@echo "command line tool -> build/release/cli/vram-estimator"
	@cmake --build build/release -- --quiet
	@ctest --preset release -j 2

test-asan: setup build/asan/build.ninja
	@echo "the same with sanitizers -> build/asan"
	@cmake --build build/asan -- --quiet
	@ctest --preset asan -j 2

test-wasm: native wasm
	@node --test --test-reporter=spec tests/wasm/*.test.mjs

test-page: page
	@npm test --silent

# FUZZ_SECONDS for each of the six; before a release 600.
FUZZ_SECONDS ?= 4
setup-fuzz:
	@./setup.sh fuzz

fuzz: setup-fuzz build/fuzz/build.ninja
	@echo "fuzzers -> build/fuzz/tests/fuzz"
	@cmake --build build/fuzz --target vram_fuzz -- --quiet
	@tests/fuzz/run.sh $(FUZZ_SECONDS)

test-readme: native
	@node tests/readme/examples.mjs --check

test: test-native test-asan test-wasm test-page test-readme
	@echo "make test: all passed (native, sanitizers, npm package, page, README's examples)"

bench: native wasm build/wasm-bare/build.ninja
	@cmake --build build/wasm-bare --target vram_wasm_language -- --quiet
	@cmake --build build/release --target vram_bench -- --quiet
	@node tests/bench/bench.mjs

accuracy: native
	@node tests/accuracy/run.mjs --build build/release --json build/accuracy/report.json --site
	@node tests/readme/accuracy.mjs

readme: native
	@node tests/readme/examples.mjs

format:
	@git ls-files '*.cpp' '*.hpp' | xargs $(CLANG_FORMAT) -i

lint:
	@git ls-files '*.cpp' '*.hpp' | xargs $(CLANG_FORMAT) --dry-run -Werror

clean:
	@rm -rf build dist
