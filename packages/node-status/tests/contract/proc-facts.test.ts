import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createProcFacts } from '../../src/adapters/proc-facts.js';
import type { FactSource } from '../../src/index.js';
import { createFixedFacts } from '../../src/testing/index.js';

const never = new AbortController().signal;
let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'proc-facts-'));
});
afterEach(() => rm(root, { recursive: true }));

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

const machine = {
  'proc/meminfo':
    'MemTotal:       16393244 kB\nMemFree: 1 kB\nSwapTotal:  2048 kB\nHugePages_Total: 3\n',
  'proc/sys/kernel/random/boot_id': '0ab1\n',
  'proc/sys/kernel/osrelease': '6.1.0-9-amd64\n',
  'sys/devices/system/cpu/online': '0-3,8\n',
  'sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages': '1\n',
  'sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages': '7\n',
  'sys/class/dmi/id/product_uuid': '4c4c4544\n',
  'etc/os-release': 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
  'var/lib/dbus/machine-id': 'feed\n',
};
const here = (): FactSource => createProcFacts({ root, rootDir: root });

/** Rules for every source. */
function factSourceContract(create: () => FactSource): void {
  it('measures a machine with processors and memory', async () => {
    const facts = await create().machine();
    expect(facts.cpuCount).toBeGreaterThan(0);
    expect(facts.memoryBytes).toBeGreaterThan(2 ** 20);
    expect(facts.rootFsBytes).toBeGreaterThan(2 ** 20);
    expect(facts.operatingSystem).toBe('linux');
    expect(facts.architecture).toMatch(/^(amd64|arm64|386|arm|ppc64le|s390x|riscv64|loong64)$/);
    expect(facts.kernelVersion).toMatch(/^\d+\./);
    expect(facts.bootId).not.toBe('');
    expect(facts.osImage).not.toBe('');
  });

  it('lists addresses; the default route uses a listed one', async () => {
    const { interfaceAddresses, defaultRoute } = await create().network(
      'no-such-name.invalid',
      never,
    );
    expect(interfaceAddresses).toContain('127.0.0.1');
    for (const address of Object.values(defaultRoute))
      expect(interfaceAddresses).toContain(address);
  });

  it('resolves only the given name', async () => {
    expect((await create().network(undefined, never)).resolvedAddresses).toEqual([]);
    expect((await create().network('no-such-name.invalid', never)).resolvedAddresses).toEqual([]);
  });

  it('does not wait for a resolver after its signal fires', async () => {
    const stop = new AbortController();
    const reason = new Error('stop');
    stop.abort(reason);
    await expect(create().network('no-such-name.invalid', stop.signal)).rejects.toBe(reason);
  });
}

describe('this machine', () => {
  factSourceContract(() => createProcFacts({ rootDir: '/var/lib/kubelet/not/there/yet' }));
});

describe('fixed facts', () => {
  factSourceContract(() => createFixedFacts());
});

describe('a machine in a folder', () => {
  it('is read from its files', async () => {
    await write(machine);
    expect(await here().machine()).toEqual({
      cpuCount: 5,
      memoryBytes: 16_393_244 * 1024,
      swapBytes: 2048 * 1024,
      hugePages: [
        { sizeBytes: 2048 * 1024, pages: 7 },
        { sizeBytes: 2 ** 30, pages: 1 },
      ],
      rootFsBytes: expect.any(Number) as number,
      machineId: 'feed',
      systemUuid: '4c4c4544',
      bootId: '0ab1',
      kernelVersion: '6.1.0-9-amd64',
      osImage: 'Debian GNU/Linux 12 (bookworm)',
      operatingSystem: 'linux',
      architecture: expect.any(String) as string,
    });
  });

  it('takes the first of several places', async () => {
    await write({ ...machine, 'etc/machine-id': 'cafe\n' });
    expect((await here().machine()).machineId).toBe('cafe');
  });

  it('measures without optional files', async () => {
    await write({
      'proc/meminfo': machine['proc/meminfo'],
      'proc/cpuinfo': 'processor\t: 0\nmodel: x\n\nprocessor\t: 1\n',
    });
    expect(await here().machine()).toMatchObject({
      cpuCount: 2,
      hugePages: [],
      machineId: '',
      systemUuid: '',
      osImage: 'Linux',
    });
  });

  it('names the missing file', async () => {
    await expect(here().machine()).rejects.toMatchObject({
      code: 'NODE_FACT_UNREADABLE',
      message: `${join(root, 'proc/meminfo')} does not exist: the node cannot be measured`,
    });
    await write({ 'proc/meminfo': 'nothing\n' });
    await expect(here().machine()).rejects.toThrow('has no MemTotal');
  });
});
