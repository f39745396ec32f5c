#!/bin/sh
# hello: a Signalbox module in shell, with one command and one signal.

. "$(dirname -- "$0")/signalbox-module.sh"

hello() {
    name=$(param name world)
    if [ -z "$name" ]; then
        fail 422 "nobody has no name"
        return
    fi
    emit hello.greeted "{\"name\":$(quote "$name")}"
    result "{\"hello\":$(quote "$name")}"
}

serve hello
