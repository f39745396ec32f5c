#!/bin/sh
# A module for chaos.py in shell: ignores TERM, leaves grandchildren, exits in the middle of a call.
trap '' TERM
while read -r line; do
    case $line in *'"id":'*) ;; *) continue ;; esac
    id=${line#*\"id\":}
    id=${id%%,*}
    params=${line#*\"params\":}
    params=${params%\}}
    case $line in
    *'"method":"fork"'*)
        sleep 300 &
        exit 7
        ;;
    *'"method":"crash"'*) kill -9 $$ ;;
    esac
    printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$params"
done
# Not even the end of its input makes it leave.
while :; do sleep 300; done
