#!/usr/bin/env bash
# Builds the documentation of the library Notifier and stops at the first fault: a public symbol
# without documentation, a type that the front page leaves out, an article whose code does not
# compile, a warning of docc (an unresolved link is one).
#
# usage: tools/build-docs.sh [OUTPUT_FOLDER]      (.build/docs by default)
#   BUILT=FOLDER uses the modules of a build that is there already, such as .build/debug.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"
out=${1:-$top/.build/docs}
catalog=$top/Sources/Notifier/Notifier.docc
swift=$(readlink -f "$(command -v swift)")
tools=$(dirname "$swift")

if [ -z "${BUILT:-}" ]; then
    swift build --target Notifier
    BUILT=$(swift build --show-bin-path)
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/graphs" "$work/snippets"
flags=(-I "$BUILT/Modules" -Xcc "-fmodule-map-file=$top/Sources/CLinux/include/module.modulemap")
[ -f "$top/Sources/CLinux/include/module.modulemap" ] ||
    flags=(-I "$BUILT/Modules" -Xcc "-fmodule-map-file=$BUILT/CLinux.build/module.modulemap")

"$tools/swift-symbolgraph-extract" -module-name Notifier "${flags[@]}" \
    -target "$(uname -m)-unknown-linux-gnu" -minimum-access-level public \
    -skip-synthesized-members -output-dir "$work/graphs"
python3 tools/check-docs.py undocumented "$work/graphs/"*.symbols.json
python3 tools/check-docs.py topics "$catalog" "$work/graphs/"*.symbols.json

python3 tools/check-docs.py snippets "$catalog" "$work/snippets"
for article in "$work/snippets/"*.swift; do
    echo "compiling the code of $(basename "$article" Article.swift)"
    mode=6
    ! grep -q '^// Language mode 5' "$article" || mode=5
    "$tools/swiftc" -typecheck -swift-version "$mode" "${flags[@]}" "$article"
done

rm -rf "$out"
"$tools/docc" convert "$catalog" --warnings-as-errors \
    --additional-symbol-graph-dir "$work/graphs" \
    --fallback-display-name Notifier --fallback-bundle-identifier signalbox.Notifier \
    --output-path "$out"
echo "documentation: $out"
