# shellcheck shell=sh
# What a Signalbox module in shell needs. Copy this file beside your module; it asks for a POSIX sh
# and awk, nothing else.
#
#     . "$(dirname -- "$0")/signalbox-module.sh"
#
#     hello() {
#         name=$(param name world)
#         emit hello.greeted "{\"name\":$(quote "$name")}"
#         result "{\"hello\":$(quote "$name")}"
#     }
#
#     serve hello
#
# A command is a shell function of the same name. It takes its parameters with `param`, and answers
# once, with `result JSON` or `fail STATUS MESSAGE`; one that does neither is answered for it: null if
# it returned 0, else an error. What else it prints goes to the gateway's log.
#
#   param NAME [DEFAULT]   a string param as plain text (its final newlines are lost to `$(…)`);
#                          a number, true, false or null as it stands; an object or array as JSON text
#   quote TEXT             TEXT as a JSON string, with its quotes
#   result JSON            the answer
#   fail STATUS MESSAGE    an error, with the HTTP status that it stands for
#   progress JSON          how the call is getting on, for whoever watches it
#   emit SIGNAL [JSON]     a signal
#   log LEVEL MESSAGE      a line in the gateway's log
#   serve COMMAND…         answers calls until standard input ends; only the named functions are offered
#
# Calls are answered one after the other, so a call that takes long keeps the next ones waiting, and
# there is no use in cancelling one. Each param costs a run of awk, about two milliseconds.

# awk must count bytes, also where the locale has wider characters.
_awk() { LC_ALL=C awk "$@"; }

# Standard input: one JSON object. Standard output: a line "name TAB value" for each member, the value
# as JSON text. No raw tab or line break can be in either: JSON escapes them.
_members() {
    _awk '
        # Where the value that begins at `from` ends: strings as a whole, brackets in pairs.
        function end_of_value(text, from,    at, depth, c) {
            depth = 0
            for (at = from; at <= length(text); at++) {
                c = substr(text, at, 1)
                if (c == "\"") at = end_of_string(text, at)
                else if (c ~ /[[{]/) depth++
                else if (c ~ /[]}]/) { if (--depth < 0) return at - 1 }
                else if (c == "," && depth == 0) return at - 1
            }
            return length(text)
        }
        function end_of_string(text, from,    at, c) {
            for (at = from + 1; at <= length(text); at++) {
                c = substr(text, at, 1)
                if (c == "\\") at++
                else if (c == "\"") return at
            }
            return length(text)
        }
        function trim(text) { gsub(/^[ \t\r]+|[ \t\r]+$/, "", text); return text }
        {
            at = index($0, "{") + 1
            if (trim(substr($0, 1, at - 1)) != "{") next
            while (match(substr($0, at), /^[ \t\r,]*"/)) {
                from = at + RLENGTH - 1
                to = end_of_string($0, from)
                name = substr($0, from + 1, to - from - 1)
                at = to + 1 + index(substr($0, to + 1), ":")
                to = end_of_value($0, at)
                printf "%s\t%s\n", name, trim(substr($0, at, to - at + 1))
                at = to + 1
            }
        }'
}

# _member NAME: the value of one member of the object on standard input, as JSON text.
_member() {
    _members | while IFS="$(printf '\t')" read -r _name _value; do
        [ "$_name" = "$1" ] && printf '%s\n' "$_value" && break
    done
}

# Standard input: a JSON value. Standard output: a string without quotes and escapes, all else as is.
_text() {
    _awk '
        function hex(digits,    at, value) {
            value = 0
            for (at = 1; at <= length(digits); at++)
                value = value * 16 + index("0123456789abcdef", tolower(substr(digits, at, 1))) - 1
            return value
        }
        function utf8(code) {
            if (code < 128) return sprintf("%c", code)
            if (code < 2048) return sprintf("%c%c", 192 + int(code / 64), 128 + code % 64)
            if (code < 65536) return sprintf("%c%c%c", 224 + int(code / 4096), \
                128 + int(code / 64) % 64, 128 + code % 64)
            return sprintf("%c%c%c%c", 240 + int(code / 262144), 128 + int(code / 4096) % 64, \
                128 + int(code / 64) % 64, 128 + code % 64)
        }
        BEGIN { plain["n"] = "\n"; plain["t"] = "\t"; plain["r"] = "\r"; plain["b"] = "\b"; plain["f"] = "\f" }
        !/^"/ { printf "%s", $0; next }
        {
            text = substr($0, 2, length($0) - 2)
            while ((at = index(text, "\\")) > 0) {
                printf "%s", substr(text, 1, at - 1)
                c = substr(text, at + 1, 1)
                text = substr(text, at + 2)
                if (c == "u") {
                    code = hex(substr(text, 1, 4))
                    text = substr(text, 5)
                    # A character beyond U+FFFF comes as two escapes.
                    if (code >= 55296 && code < 56320 && text ~ /^\\u[dD][c-fC-F]/) {
                        code = 65536 + (code - 55296) * 1024 + hex(substr(text, 3, 4)) - 56320
                        text = substr(text, 7)
                    }
                    # A variable cannot hold the character U+0000.
                    if (code > 0) printf "%s", utf8(code)
                } else printf "%s", (c in plain) ? plain[c] : c
            }
            printf "%s", text
        }'
}

quote() {
    printf '%s\n' "$1" | _awk '
        BEGIN { for (code = 1; code < 32; code++) escape[sprintf("%c", code)] = sprintf("\\u%04x", code) }
        {
            gsub(/\\/, "&&"); gsub(/"/, "\\\"")
            if (/[\001-\037]/) {
                line = ""
                for (at = 1; at <= length($0); at++) {
                    c = substr($0, at, 1)
                    line = line ((c in escape) ? escape[c] : c)
                }
                $0 = line
            }
            printf "%s%s", (NR > 1) ? "\\n" : "\"", $0
        }
        END { print "\"" }'
}

param() {
    _found=$(printf '%s\n' "$_params" | _member "$1")
    if [ -n "$_found" ]; then
        printf '%s\n' "$_found" | _text
    else
        printf '%s' "${2-}"
    fi
}

# Descriptor 3 is the protocol's, so that a stray echo cannot break it.
_write() { printf '{"jsonrpc":"2.0",%s}\n' "$1" >&3; }

result() {
    _answered=yes
    _write "\"id\":$_id,\"result\":$1"
}

fail() {
    _answered=yes
    _write "\"id\":$_id,\"error\":{\"code\":-32000,\"message\":$(quote "$2"),\"data\":{\"status\":$1}}"
}

progress() { _write "\"method\":\"progress\",\"params\":{\"id\":$_id,\"value\":$1}"; }

emit() { _write "\"method\":\"signal\",\"params\":{\"name\":$(quote "$1"),\"data\":${2-null}}"; }

log() { _write "\"method\":\"log\",\"params\":{\"level\":$(quote "$1"),\"message\":$(quote "$2")}"; }

_discover() {
    _methods=
    for _command in "$@"; do
        _methods="$_methods${_methods:+,}{\"name\":\"$_command\",\"params\":[],\"result\":{\"name\":\"result\",\"schema\":{}}}"
    done
    result "{\"openrpc\":\"1.3.2\",\"info\":{\"title\":$(quote "${0##*/}"),\"version\":\"1.0.0\"},\"methods\":[$_methods]}"
}

_call() {
    _method=$1
    shift
    for _command in "$@"; do
        [ "$_command" = "$_method" ] || continue
        "$_command" </dev/null || [ -n "$_answered" ] || fail 500 "$_command failed"
        [ -n "$_answered" ] || result null
        return
    done
    _write "\"id\":$_id,\"error\":{\"code\":-32601,\"message\":$(quote "no command $_method")}"
}

serve() {
    exec 3>&1 1>&2
    while IFS= read -r _request; do
        _id=$(printf '%s\n' "$_request" | _member id)
        [ -n "$_id" ] || continue # a notification
        _method=$(printf '%s\n' "$_request" | _member method | _text)
        _params=$(printf '%s\n' "$_request" | _member params)
        _answered=
        case $_method in
            rpc.discover) _discover "$@" ;;
            *) _call "$_method" "$@" ;;
        esac
    done
}
