#!/bin/sh
# Runs the benchmark harness with this checkout's release build as `signalbox`.
# usage: run.sh BENCH_FOLDER [arguments of bench.py]
#   e.g. run.sh ../shared/bench run -s signalbox,limit,nginx -w W1.64,W4.64,W5.max,W8.64 -n 3 -d 5
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
bench=${1:?usage: run.sh BENCH_FOLDER [arguments of bench.py]}
shift
PATH=$top/.build/release:$PATH # the worker of W8 is looked up there
SIGNALBOX_BIN=$top/.build/release/signalbox
SIGNALBOX_BENCH=$top/Tests/Benchmarks/signalbox.json
export PATH SIGNALBOX_BIN SIGNALBOX_BENCH
exec python3 "$bench/bench.py" "$@"
