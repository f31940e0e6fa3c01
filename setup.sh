#!/bin/sh
# Installs what the build needs on Debian 12+ and Ubuntu 24.04+. Skips what is there; may be run any number of times.
# `setup.sh fuzz` also brings what the fuzzers need: clang and its run-time libraries.
set -eu
cd "$(dirname "$0")"

missing=""
needs() { # <package> <command, or a file when it starts with />...: any one of them will do
  package=$1
  shift
  for thing in "$@"; do
    case $thing in
      /*) [ -e "$thing" ] && return ;;
      *) command -v "$thing" >/dev/null 2>&1 && return ;;
    esac
  done
  missing="$missing $package"
}

includes() { echo "/usr/include/$1 /usr/local/include/$1 /opt/homebrew/include/$1"; }

needs cmake cmake
needs ninja-build ninja
needs g++ c++ g++ clang++
needs emscripten emcc "${EMSDK:-/nowhere}/upstream/emscripten/emcc"
# shellcheck disable=SC2046
{
  needs nlohmann-json3-dev $(includes nlohmann/json.hpp)
  needs catch2 $(includes catch2)
  needs libcli11-dev $(includes CLI/CLI.hpp)
  needs libcurl4-openssl-dev $(includes curl/curl.h) "/usr/include/$(uname -m)-linux-gnu/curl/curl.h"
}
needs chromium chromium chromium-browser google-chrome "${CHROMIUM_PATH:-/nowhere}" "/Applications/Google Chrome.app"
needs nodejs node
needs npm npm
if [ "${1:-}" = fuzz ]; then
  needs clang clang++
  # Only recommended by clang's package. Its number is that of the clang there is, or of the one that would be installed.
  if command -v clang++ >/dev/null 2>&1; then
    clang_version=$(clang++ -dumpversion | cut -d. -f1)
  else
    clang_version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1)
  fi
  runtime=$(clang++ -print-file-name="libclang_rt.fuzzer-$(uname -m).a" 2>/dev/null || true)
  needs "libclang-rt-${clang_version}-dev" "$runtime" "$(clang++ -print-runtime-dir 2>/dev/null || echo /nowhere)/libclang_rt.fuzzer.a" \
    "$(clang++ -print-runtime-dir 2>/dev/null || echo /nowhere)/libclang_rt.fuzzer_osx.a"
fi

if [ -n "$missing" ]; then
  if ! command -v apt-get >/dev/null 2>&1; then
    cat >&2 <<EOF
setup.sh installs with apt-get (Debian 12+, Ubuntu 24.04+). Missing here, under Debian's names:$missing
  Fedora    sudo dnf install cmake ninja-build gcc-c++ emscripten json-devel catch-devel cli11-devel libcurl-devel chromium nodejs npm
  Arch      sudo pacman -S cmake ninja gcc emscripten nlohmann-json catch2 cli11 curl chromium nodejs npm
  macOS     brew install cmake ninja emscripten nlohmann-json catch2 cli11 curl node   (and Google Chrome)
  Windows   use WSL with Debian or Ubuntu
Then run this again.
EOF
    exit 1
  fi
  sudo=""
  [ "$(id -u)" -eq 0 ] || sudo=sudo
  echo "setup: installing$missing"
  log=$(mktemp)
  # shellcheck disable=SC2086
  if ! { $sudo apt-get update -q && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
  fi
  rm -f "$log"
fi

node_major=$(node -p 'process.versions.node.split(".")[0]')
if [ "$node_major" -lt 18 ]; then
  echo "setup: node $node_major is too old, 18 or newer is needed (https://nodejs.org)" >&2
  exit 1
fi
cmake_version=$(cmake --version | sed -n '1s/.* //p')
if ! printf '3.25\n%s\n' "$cmake_version" | sort -C -V; then
  echo "setup: cmake $cmake_version is too old, 3.25 or newer is needed" >&2
  exit 1
fi

# The page's bundler and the test tools, exactly as locked. Browsers are not downloaded: Chromium is the system's.
if [ -f package-lock.json ] && ! cmp -s package-lock.json node_modules/.installed-lock; then
  echo "setup: npm ci"
  npm ci --silent --no-audit --no-fund
  cp package-lock.json node_modules/.installed-lock
fi
