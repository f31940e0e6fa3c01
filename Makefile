# Thin targets over CMake presets and npm scripts. Everything is built below build/ and dist/.
SHELL := /bin/bash
.SHELLFLAGS := -e -o pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory
PORT ?= 8080
export NINJA_STATUS = [%f/%t] 

.PHONY: help setup build native wasm page serve test test-native test-asan test-wasm test-page bench accuracy format lint clean

help:
	@echo "make serve      build everything and serve the page on http://localhost:$(PORT)/"
	@echo "make test       build everything and pass every test"
	@echo "make build      command line tool (build/release/cli), npm package (build/wasm/dist), page (dist/site)"
	@echo "make bench      time the engine, write build/bench.json and README's table"
	@echo "make accuracy   compare with measured values, write build/accuracy and README's table"
	@echo "make format | lint | clean | setup"

setup:
	@./setup.sh

# Configures a preset once, quietly; CMake reconfigures itself afterwards.
build/%/build.ninja: CMakePresets.json cmake/EmscriptenToolchain.cmake
	@mkdir -p $(@D)
	@cmake --preset $* > $(@D)/configure.log 2>&1 || { cat $(@D)/configure.log; exit 1; }
	@touch $@

native: setup build/release/build.ninja
	@cmake --build build/release --target vram-estimator -- --quiet

wasm: setup build/wasm/build.ninja
	@cmake --build build/wasm -- --quiet

page: wasm
	@npm run --silent build

build: native wasm page

serve: build
	@npm run --silent serve -- $(PORT)

test-native: setup build/release/build.ninja
	@cmake --build build/release -- --quiet
	@ctest --preset release -j 2

test-asan: setup build/asan/build.ninja
	@cmake --build build/asan -- --quiet
	@ctest --preset asan -j 2

test-wasm: native wasm
	@node --test --test-reporter=spec tests/wasm/

test-page: page
	@npm test --silent

test: test-native test-asan test-wasm test-page
	@echo "make test: native, sanitizers, wasm and page all passed"

bench: native wasm build/wasm-bare/build.ninja
	@cmake --build build/wasm-bare --target vram_wasm -- --quiet
	@node tests/bench/bench.mjs

format:
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format -i

lint:
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format --dry-run -Werror

clean:
	@rm -rf build dist
