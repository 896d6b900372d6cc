#!/bin/sh
# A tailscale of the kind that has --set-path, with the daemon that it speaks to. In sh, because it is started often.
# How it behaves is in tailscale.does beside it; what the node serves is in "served" (port, path, target) and "funnels".

here=${0%/*}
host=node.tail1234.ts.net node=nABC123CNTRL state=Running nothing='{}'
down='' denied='' not_enabled='' ports='443 8443 10000' refuses='' hangs=''
words='Another client is changing the serve config; please try again.'
printf '%s\n' "tailscale $*" >>"$here/commands"
[ ! -e "$here/tailscale.does" ] || . "$here/tailscale.does"

leave() { printf '%s\n' "$2" >&2; exit "$1"; }
hang() { printf '%s\n' "$1" >"$here/fifo"; exec /bin/sleep 120; }

status() {
    [ "$hangs" != status ] || hang status
    name=''
    [ "$state" != Running ] || name="$host."
    printf '{"BackendState": "%s", "Self": {"ID": "%s", "DNSName": "%s"}}\n' "$state" "$node" "$name"
}

served() {
    [ -s "$here/served" ] || { printf '%s\n' "$nothing"; return; }
    web='' allowed='' seen=' '
    while read -r port path target; do
        case $seen in *" $port "*) continue ;; esac
        seen="$seen$port " paths=''
        while read -r other path target; do
            [ "$other" != "$port" ] || paths="$paths${paths:+, }\"$path\": {\"Proxy\": \"$target\"}"
        done <"$here/served"
        web="$web${web:+, }\"$host:$port\": {\"Handlers\": {$paths}}"
    done <"$here/served"
    while read -r port; do
        allowed="$allowed${allowed:+, }\"$host:$port\": true"
    done <"$here/funnels"
    printf '{"Web": {%s}, "AllowFunnel": {%s}}\n' "$web" "$allowed"
}

# The served paths without one, and the ports that are public without one if nothing else is served there.
without() {
    rest='' others='' gone=''
    while read -r port path target; do
        if [ "$port $path" = "$1 $2" ]; then gone=yes; continue; fi
        [ "$port" != "$1" ] || others=yes
        rest="$rest$port $path $target
"
    done <"$here/served"
    printf '%s' "$rest" >"$here/served"
}

public() {
    rest=''
    while read -r port; do
        [ "$port" = "$1" ] || rest="$rest$port
"
    done <"$here/funnels"
    [ "$2" != funnel ] || rest="$rest$1
"
    printf '%s' "$rest" >"$here/funnels"
}

change() {
    mode=$1 https=443 at=/ background=''
    shift
    while :; do
        case $1 in
        --bg) background=yes ;;
        --yes) ;;
        --https) https=$2; shift ;;
        --set-path) at=$2; shift ;;
        --*) leave 2 "flag provided but not defined: $1" ;;
        *) break ;;
        esac
        shift
    done
    [ $# = 1 ] || leave 1 "error: invalid argument format"
    [ -z "$denied" ] || leave 1 "sending serve config: Access denied: serve config denied

Use 'sudo tailscale'.
To not require root, use 'sudo tailscale set --operator=\$USER' once."
    to=$1
    if [ "$to" = off ]; then
        without "$https" "$at"
        [ -n "$gone" ] || leave 1 "error: failed to remove web serve: handler does not exist"
        [ -n "$others" ] || public "$https" serve
        return
    fi
    [ -n "$background" ] || hang foreground
    check
    without "$https" "$at"
    printf '%s\n' "$https $at $to" >>"$here/served"
    public "$https" "$mode"
    printf 'Available:\n\nhttps://%s%s\n|-- proxy %s\n\nrunning in the background.\n' "$host" "$at" "$to"
}

# The tailnet may not allow it.
check() {
    if [ -n "$not_enabled" ]; then
        printf '\nFunnel is not enabled on your tailnet.\nTo enable, visit:\n\n'
        printf '         https://login.tailscale.com/f/%s?node=%s\n\n' "$mode" "$node"
        [ "$not_enabled" != waits ] || hang enabling
        exit 0
    fi
    case " $ports " in
    *" $https "*) ;;
    *) [ "$mode" = serve ] ||
        leave 1 "error: port $https is not allowed for funnel; allowed ports are: 443,8443,10000" ;;
    esac
    [ "$refuses" != "$at" ] || leave 1 "$words"
    [ "$hangs" != "$at" ] || hang mount
}

: >>"$here/served"
: >>"$here/funnels"
[ -z "$down" ] || leave 1 \
    "failed to connect to local tailscaled; it doesn't appear to be running (sudo systemctl start tailscaled ?)"
case "$*" in
'status --json') status ;;
'serve status --json' | 'funnel status --json') served ;;
serve\ * | funnel\ *) change "$@" ;;
*) leave 2 "unknown subcommand" ;;
esac
