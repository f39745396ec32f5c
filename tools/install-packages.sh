#!/bin/sh
# Installs the Debian packages that Signalbox needs, and says which and why.
#
#   tools/install-packages.sh build        what a build needs
#   tools/install-packages.sh build test   and what the tests drive: curl, a browser, proxies
#   tools/install-packages.sh bench        what the loop is measured beside, and with
#   tools/install-packages.sh --list test  prints the packages, installs nothing
#
# What is there already is skipped; with nothing missing, apt is not run at all. Works as root and
# through sudo.
set -eu

# One line per need: the file, command or Python module that shows it is there, then the package
# that brings it.
# A command counts wherever it comes from, so a newer curl or node of your own is left alone. The
# last four libraries are what the Swift toolchain itself is linked with.
build_needs='
command:cc                          gcc
command:git                         git
command:pkg-config                  pkg-config
command:openssl                     openssl
command:python3                     python3
file:/usr/include/openssl/ssl.h     libssl-dev
file:/usr/include/zlib.h            zlib1g-dev
file:/usr/lib/gcc/*/*/libstdc++.a   libstdc++-12-dev
file:/etc/ssl/certs/ca-certificates.crt ca-certificates
file:/usr/lib/*/libcurl.so.4        libcurl4
file:/usr/lib/*/libncurses.so.6     libncurses6
file:/usr/lib/*/libsqlite3.so.0     libsqlite3-0
file:/usr/lib/*/libxml2.so.2        libxml2
'
test_needs='
command:curl                        curl
command:node                        nodejs
command:wrk                         wrk
command:chromium                    chromium
command:nginx                       nginx-light
command:haproxy                     haproxy
command:redis-server                redis-server
file:/usr/include/hiredis/async.h   libhiredis-dev
python:ensurepip                    python3-venv
'
bench_needs='
file:/usr/include/uv.h              libuv1-dev
file:/usr/include/event2/event.h    libevent-dev
command:strace                      strace
'

fail() {
    echo "install-packages: $*" >&2
    exit 1
}

is_present() {
    case $1 in
        command:*) PATH=$PATH:/usr/sbin:/sbin command -v "${1#command:}" >/dev/null 2>&1 ;;
        python:*) python3 -c "import ${1#python:}" >/dev/null 2>&1 ;;
        file:*)
            # shellcheck disable=SC2086  # the path may be a pattern
            ls ${1#file:} >/dev/null 2>&1
            ;;
    esac
}

list_only=no
needs=
for argument in "$@"; do
    case $argument in
        --list) list_only=yes ;;
        build) needs="$needs$build_needs" ;;
        test) needs="$needs$test_needs" ;;
        bench) needs="$needs$bench_needs" ;;
        *) fail "usage: install-packages.sh [--list] build|test|bench…" ;;
    esac
done

missing=
while read -r proof package; do
    [ -n "$proof" ] || continue
    if [ "$list_only" = yes ]; then
        echo "$package"
    elif ! is_present "$proof"; then
        missing="$missing $package"
    fi
done <<NEEDS
$needs
NEEDS

[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null 2>&1 ||
    fail "no apt-get here; install what these Debian packages hold:$missing"

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1; then
    as_root=sudo
else
    fail "needs root or sudo to install:$missing
    as root: apt-get update && apt-get install --no-install-recommends$missing"
fi

# Another apt may be at work (a fresh machine updates itself): wait for it rather than fail.
apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" </dev/null
}

# `apt-get update` fails at once when another one holds its lock, whatever the timeout above says.
update() {
    attempt=1
    until apt update; do
        [ "$attempt" -lt 5 ] || fail "apt-get update failed"
        attempt=$((attempt + 1))
        sleep 5
    done
}

echo "Installing Debian packages:$missing"
update
# shellcheck disable=SC2086  # a list of packages, one word each
apt install --no-install-recommends $missing || fail "could not install:$missing"
