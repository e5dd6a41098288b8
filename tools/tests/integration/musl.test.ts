import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { promisedOutput } from '../../../vitest.readme.js';
import { nodeOnMusl, unresolvedOnMusl } from '../../musl/node-on-musl.ts';
import { copyNetlinkAddon } from '../../netlink-addon.ts';
import { MUSL_LOADER } from '../../setup/packages.ts';
import { ROOT, run } from '../../test/process.ts';
import { firstProgram, runBundled } from './bundled-program.ts';

/** The names that the program has which loads the add-on, not a library. */
const FROM_NODE = /^(?:napi|uv)_/;

let dir: string;
let node: readonly string[];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nodeagent-musl-'));
  node = await nodeOnMusl(join(dir, 'lib'));
  await copyNetlinkAddon(join(dir, 'prebuilds'));
});
afterAll(() => rm(dir, { recursive: true }));

const addon = (machine: string): string => join(dir, `prebuilds/linux-${machine}/netlink.node`);

const onMusl = (name: string, source: string): Promise<string> =>
  runBundled({ node, dir, name }, source);

/** The names of a file's table of symbols that match, without the versions that glibc gives them. */
async function symbols(file: string, pattern: RegExp): Promise<readonly string[]> {
  const { output } = await run(['readelf', '--dyn-syms', '--wide', file]);
  return [...output.matchAll(pattern)].map(([, name = '']) => name);
}

// glibc-names.c is written for x86-64
describe.skipIf(process.arch !== 'x64')('Node.js on the libc of musl', () => {
  it('has no part of glibc in its process', async () => {
    const source = 'console.log(process.report.getReport().sharedObjects.join("\\n"));';
    const loaded = (await onMusl('libraries', source)).trimEnd().split('\n');
    expect(loaded.filter((path) => /\/ld-musl-x86_64\.so\.1$/.test(path))).toHaveLength(1);
    expect(loaded.filter((path) => /\/lib(?:c|m|dl|pthread)\.so|\/libc-/.test(path))).toEqual([]);
  });

  it('finds each name that the add-on uses, before any is used', async () => {
    const missing = await unresolvedOnMusl(addon('x64'), join(dir, 'lib'));
    expect(missing.length).toBeGreaterThan(0);
    expect(missing.filter((name) => !FROM_NODE.test(name))).toEqual([]);
    const source = `const module = { exports: {} };
process.dlopen(module, ${JSON.stringify(addon('x64'))}, 2); // RTLD_NOW
console.log(typeof module.exports.NativeNetlink);`;
    expect(await onMusl('load', source)).toBe('function\n');
  });

  it('lists interfaces by the README example of netlink-codec', async () => {
    const page = join(ROOT, 'packages/netlink-codec/README.md');
    expect(await onMusl('links', await firstProgram(page))).toBe('true\n');
  });

  it('programs nftables by the guide', async () => {
    const page = join(ROOT, 'docs/guides/program-nftables.md');
    expect(await onMusl('nftables', await firstProgram(page))).toBe(await promisedOutput(page));
  });

  it('throws when the kernel refuses a socket or a group', async () => {
    const source = `import { openNetlinkSocket, PROTOCOL } from '@nodeagent/netlink-codec/socket';
const socket = openNetlinkSocket({ protocol: PROTOCOL.route });
for (const refused of [() => openNetlinkSocket({ protocol: 77 }), () => socket.join(4000)]) {
  try { refused(); } catch (error) { console.log(error.message); }
}
socket.close();`;
    expect(await onMusl('refused', source)).toBe(
      [
        "netlink socket of protocol 77: Couldn't create netlink socket: protocol not supported",
        "netlink group 4000: Couldn't add membership: invalid argument",
        '',
      ].join('\n'),
    );
  });
});

describe('the add-on of arm64', () => {
  it('uses no name of libc that musl does not have', async () => {
    const wanted = await symbols(addon('arm64'), / UND (\w+)@GLIBC_/g);
    const offered = new Set(await symbols(MUSL_LOADER, / DEFAULT +\d+ (\w+)$/gm));
    expect(wanted).toContain('socket');
    expect(wanted.filter((name) => !offered.has(name))).toEqual([]);
  });
});
