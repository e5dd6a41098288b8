/**
 * Writes `dist/bin/<name>`: a program that starts an app's bundle from any directory, with a
 * Node.js that is recent enough. It is part of an app's build: `node ../../tools/make-launcher.ts
 * kubelet [V8 FLAG…]`.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * V8 flags that save memory, because a node agent shares its machine with users' work. A small
 * young generation keeps V8 from retaining memory that it needs only for bursts. Later compilation
 * to machine code (V8's own counts are 400 and 3000) keeps the compilers out of an idle agent,
 * which saves 4 MiB. Loops over a large cluster soon reach these counts.
 */
const V8_FLAGS = [
  '--max-semi-space-size=2',
  '--invocation-count-for-maglev=20000',
  '--invocation-count-for-turbofan=60000',
  '--expose-gc', // for the collection in idle agents
  '--no-warnings',
];

const [name, ...ownFlags] = process.argv.slice(2);
if (name === undefined) throw new Error('usage: make-launcher.ts NAME [V8 FLAG…]');

const script = `#!/bin/sh
# Starts ${name} with a Node.js that is recent enough; made by the build.
set -eu
root=$(dirname -- "$(readlink -f -- "$0")")/../..
node=$(command -v node || true)
for own in "$root"/.cache/node-*/node_modules/node-linux-*/bin/node; do
  [ -x "$own" ] && node=$own
done
[ -n "\${NODEAGENT_NODE:-}" ] && node=$NODEAGENT_NODE
if [ -z "$node" ] || ! printf 'v22.19\\n%s\\n' "$("$node" --version)" | sort -C -V; then
  echo '${name}: needs Node.js 22.19 or newer: run "npm run build" once, or set NODEAGENT_NODE' >&2
  exit 1
fi
# what the program compiles to: half of the time that it takes to start
export NODE_COMPILE_CACHE="\${NODE_COMPILE_CACHE:-$root/apps/${name}/dist/cache}"
exec "$node" ${[...V8_FLAGS, ...ownFlags].join(' ')} "$root/apps/${name}/dist/main.js" "$@"
`;

const dir = join(import.meta.dirname, '../dist/bin');
await mkdir(dir, { recursive: true });
await writeFile(join(dir, name), script);
await chmod(join(dir, name), 0o755);
// Fills the cache at build time: an installed program may not be allowed to write there.
await promisify(execFile)(join(dir, name), ['--version'], {
  env: { ...process.env, NODEAGENT_NODE: process.execPath },
});
