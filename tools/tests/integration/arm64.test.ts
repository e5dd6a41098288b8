import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { copyNetlinkAddon } from '../../netlink-addon.ts';
import { fetchNode } from '../../package/executable.ts';
import { ARM64_ROOT } from '../../setup/packages.ts';
import { ROOT, run } from '../../test/process.ts';
import { firstProgram, runBundled } from './bundled-program.ts';

/**
 * Runs what is made for arm64. On another processor an emulator takes the place of the processor; the
 * kernel is this machine's, and the emulator passes on few kinds of netlink sockets.
 */
const EMULATOR = process.arch === 'arm64' ? [] : ['qemu-aarch64-static', '-L', ARM64_ROOT];

let dir: string;
let node: readonly string[];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nodeagent-arm64-'));
  const { binary } = await fetchNode('arm64');
  node = [...EMULATOR, binary];
  await copyNetlinkAddon(join(dir, 'prebuilds'));
});
afterAll(() => rm(dir, { recursive: true }));

describe('the add-on of arm64', () => {
  it('lists interfaces by the README example of netlink-codec', async () => {
    const source = `console.log(process.arch);
${await firstProgram(join(ROOT, 'packages/netlink-codec/README.md'))}`;
    expect(await runBundled({ node, dir, name: 'links' }, source)).toBe('arm64\ntrue\n');
  });
});

describe('packages of arm64', () => {
  beforeAll(async () => {
    const options = ['--arch=arm64', '--compression=none', '--no-image', `--out=${dir}`];
    const built = await run([process.execPath, 'tools/package/main.ts', ...options]);
    expect(built.exitCode, built.output).toBe(0);
  });

  const unpacked = async (name: string): Promise<string> => {
    const archive = join(dir, `nodeagent-${name}_0.1.0_arm64.deb`);
    await run(['dpkg-deb', '-x', archive, join(dir, name)]);
    return join(dir, name, 'usr/bin', name);
  };

  it.each(['kubelet', 'kube-proxy'])('hold a %s that runs', async (name) => {
    const program = await unpacked(name);
    const EM_AARCH64 = 183; // elf(5): e_machine
    expect((await readFile(program)).readUInt16LE(18)).toBe(EM_AARCH64);
    expect(await run([...EMULATOR, program, '--version'])).toEqual({
      ...{ exitCode: 0, output: 'Kubernetes v1.36.0\n' },
    });
    expect(await run([...EMULATOR, program, '--nonsense'])).toEqual({
      ...{ exitCode: 1, output: `${name}: command line: unknown flag: --nonsense\n` },
    });
  });

  it('hold a kube-proxy that finds its add-on and the programs of this machine', async () => {
    const program = await unpacked('kube-proxy');
    const { output } = await run(['unshare', '-n', ...EMULATOR, program, '--cleanup']);
    expect(output).toContain('"rules removed" family="IPv6"');
    // the add-on asks for this socket; a kernel gives it, the emulator does not pass it on
    const refused = 'netlink socket of protocol 12';
    expect(output.includes(refused), output).toBe(EMULATOR.length > 0);
  });
});
