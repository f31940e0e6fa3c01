#!/bin/sh
# Runs every fuzzer of build/fuzz for SECONDS each (default 4) and counts the inputs. Before a release: run.sh 600
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-4}
corpus=build/fuzz/corpus
node tests/fuzz/seeds.mjs "$corpus"
total=0
for fuzzer in build/fuzz/tests/fuzz/*_fuzz; do
  name=${fuzzer##*/}
  log=build/fuzz/$name.log
  mkdir -p "$corpus/$name"
  if ! "$fuzzer" "$corpus/$name" -entropic=0 -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
      -print_final_stats=1 -artifact_prefix="build/fuzz/$name-" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    exit 1
  fi
  runs=$(sed -n 's/^stat::number_of_executed_units: //p' "$log")
  echo "$name: $runs inputs"
  total=$((total + runs))
done
echo "fuzzers: $total inputs, no failure"
