#!/usr/bin/env bash
# Shows that nothing wakes a loop that waits: a child and a worker are unfinished, the loop sleeps
# for SECONDS, and strace writes down every system call of every thread meanwhile. There must be
# none but the one wait that the loop's own timer ends.
#
# usage: idle.sh [SECONDS]     needs strace; BENCH=FILE names a bench-notifier built elsewhere
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
ours=${BENCH:-$top/.build/release/bench-notifier}
seconds=${1:-10}
trace=$(mktemp)
trap 'rm -f "$trace"' EXIT

# What the kernel counts: one sleep of one thread, which the timer ends.
"$ours" idle "$seconds"

# The child `sleep` is not ours to look at: -b execve lets it go.
strace -f -tt -b execve -o "$trace" "$ours" idle "$seconds" >/dev/null || {
    echo "idle.sh: the benchmark failed" >&2
    exit 1
}
echo "system calls from 'idle begins' to 'idle ends':"
between=$(sed -n '/write(1, "idle begins/,/write(1, "idle ends/p' "$trace")
echo "$between"
# The two writes and one wait in between; reading the clock is no call (vDSO).
waits=$(grep -c 'epoll_wait(' <<<"$between" || true)
others=$(grep -vc -e 'epoll_wait(' -e 'write(1, "idle' <<<"$between" || true)
echo "waits: $waits, other calls: $others"
[ "$waits" -eq 1 ] && [ "$others" -eq 0 ]
