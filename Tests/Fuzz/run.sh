#!/bin/sh
# Builds the fuzz targets with libFuzzer and AddressSanitizer and runs them one after the other.
#
#   Tests/Fuzz/run.sh [--runs N | --seconds N] [target ...]
#
# Targets: request response chunked cookie path proxy json (default: all). Inputs that failed and the corpora
# that the fuzzer has gathered stay in .build/fuzz. The exit status is that of the first failure.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
out=$root/.build/fuzz
limit="-runs=200000"
while [ $# -gt 0 ]; do
    case $1 in
        --runs) limit="-runs=$2"; shift 2 ;;
        --seconds) limit="-max_total_time=$2"; shift 2 ;;
        -*) echo "usage: run.sh [--runs N | --seconds N] [target ...]" >&2; exit 2 ;;
        *) break ;;
    esac
done
[ $# -gt 0 ] || set -- request response chunked cookie path proxy json

mkdir -p "$out"
flags="-O -g -parse-as-library -swift-version 6 -package-name signalbox -sanitize=fuzzer,address"
for feature in ExistentialAny InternalImportsByDefault MemberImportVisibility \
    NonisolatedNonsendingByDefault; do
    flags="$flags -enable-upcoming-feature $feature"
done

# Modules first, so that the sources keep their imports; each one is instrumented like the target.
build_module() {
    name=$1
    # shellcheck disable=SC2086 # the flags are words
    swiftc $flags -I "$out" -wmo -emit-module -emit-module-path "$out/$name.swiftmodule" \
        -module-name "$name" -c -o "$out/$name.o" "$root/Sources/$name"/*.swift
}
build_module Bytes
build_module HTTPWire
build_module JSON

# A sound example of each kind, so that the fuzzer need not find the grammar by chance.
seed() {
    file=$out/corpus/$1/seed
    case $1 in
        request) printf '%b' 'POST /a/./b?c HTTP/1.1\r\nHost: a:80\r\nConnection: close, te\r\n' \
            'Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n' >"$file" ;;
        response) printf '%b' 'GHTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 5\r\n\r\n' >"$file" ;;
        chunked) printf '%b' '5;a="b";c\r\nhello\r\n0\r\nA: b\r\n\r\n' >"$file" ;;
        cookie) printf '%b' 'x=y; a="b"; c=d, text/*;q=0.5, */*' >"$file" ;;
        path) printf '%b' '/a/%2e%2e/b%C3%A9/./c//d' >"$file" ;;
        proxy)
            printf '%b' 'PROXY TCP6 2001:db8::1 ::ffff:1.2.3.4 5 65535\r\nGET' >"$file"
            # Over IPv4, with an extension and a checksum.
            printf '%b' '\r\n\r\n\0\r\nQUIT\n\041\021\0\023\300\0\002\001\306\063\144\007' \
                '\300\0\001\273\003\0\004\120\206\216\175' >"$file-binary"
            ;;
        json) printf '%s' '{"jsonrpc":"2.0","id":-1.5e+3,"method":"a","params":[{"b":"\u00e9\n"},true,null]}' >"$file" ;;
    esac
}

for target in "$@"; do
    case $target in
        request) source=FuzzRequest.swift ;;
        response) source=FuzzResponse.swift ;;
        chunked) source=FuzzChunked.swift ;;
        cookie) source=FuzzCookie.swift ;;
        path) source=FuzzPath.swift ;;
        proxy) source=FuzzProxy.swift ;;
        json) source=FuzzJSON.swift ;;
        *) echo "run.sh: no target $target" >&2; exit 2 ;;
    esac
    # shellcheck disable=SC2086
    swiftc $flags -I "$out" -module-name Fuzz -o "$out/$target" "$root/Tests/Fuzz/$source" \
        "$out/Bytes.o" "$out/HTTPWire.o" "$out/JSON.o" 2>"$out/$target.log" || { cat "$out/$target.log"; exit 1; }
    mkdir -p "$out/corpus/$target"
    seed "$target"
    echo "== $target"
    words=http.dict
    [ "$target" != json ] || words=json.dict
    "$out/$target" "$limit" -max_len=512 -dict="$root/Tests/Fuzz/$words" -print_final_stats=1 \
        -verbosity=0 -artifact_prefix="$out/$target-" "$out/corpus/$target"
done
