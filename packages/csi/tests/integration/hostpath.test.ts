import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { createCsiClient, createRegistrationClient, type CsiClient } from '../../src/client.js';
import { createHostPathDriver } from '../../src/hostpath.js';
import type { VolumeCapability } from '../../src/index.js';
import { serveDriver } from '../../src/server.js';
import {
  runSanityCase,
  SANITY_CASES,
  type SanityOptions,
  SINGLE_WRITER,
} from '../../src/testing/index.js';

const run = promisify(execFile);
const forever = new AbortController().signal;
const MIB = 1 << 20;

const BLOCK: VolumeCapability = {
  access: { kind: 'block', value: {} },
  accessMode: { mode: 'single-node-writer' },
};

let dir: string;
let stateDir: string;
let csi: CsiClient;
let stop: () => Promise<void>;
let count = 0;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'csi-hostpath-'));
  stateDir = join(dir, 'state');
  await start();
});
afterAll(async () => {
  await end();
  await rm(dir, { recursive: true });
});
// whatever a test did, nothing of it stays mounted or attached
afterEach(async () => {
  expect((await mountsBelow(dir)).map(({ path }) => path)).toEqual([]);
  // another mount namespace, as of a container that starts, may hold a device a moment longer
  const attached = async (): Promise<string> =>
    (await run('losetup', ['-l', '-n', '-O', 'BACK-FILE'])).stdout;
  await expect.poll(attached, { timeout: 10_000 }).not.toContain(dir);
});

async function start(): Promise<void> {
  const driver = await createHostPathDriver({ stateDir, nodeId: 'node-1' });
  const socketPath = join(dir, 'csi.sock');
  const server = await serveDriver(driver, { socketPath });
  csi = createCsiClient({ socketPath });
  stop = () => server.close(100);
}

async function end(): Promise<void> {
  csi.close();
  await stop();
}

async function mountsBelow(parent: string): Promise<readonly { readonly path: string }[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  const paths = text.split('\n').map((line) => line.split(' ')[4] ?? '');
  return paths.filter((path) => path.startsWith(`${parent}/`)).map((path) => ({ path }));
}

const pause = (): Promise<void> => delay(100);
const newName = (): string => `pvc-${(count += 1)}`;
const newTargetPath = async (): Promise<string> => join(dir, `target-${(count += 1)}`);
const newStagingPath = async (): Promise<string> => {
  const path = join(dir, `staging-${(count += 1)}`);
  await mkdir(path);
  return path;
};

const kinds: readonly (readonly [string, SanityOptions])[] = [
  ['directories', { newName, newTargetPath, newStagingPath, pause, volumeBytes: 16 * MIB }],
  [
    'file systems in images',
    {
      newName,
      newTargetPath,
      newStagingPath,
      pause,
      volumeBytes: 16 * MIB,
      parameters: { backing: 'image' },
    },
  ],
  [
    'block devices',
    { newName, newTargetPath, newStagingPath, pause, volumeBytes: 16 * MIB, capability: BLOCK },
  ],
];

describe.each(kinds)('the host-path driver with %s', (_, options) => {
  const cases = SANITY_CASES.filter(
    ({ needs }) =>
      needs?.controller !== 'publish-unpublish-volume' &&
      needs?.controller !== 'create-delete-snapshot',
  );
  it.each(cases)('$name', async (one) => {
    expect(await runSanityCase(one, csi, options, forever)).toBe(true);
  });
});

interface Used {
  readonly volumeId: string;
  readonly stagingTargetPath: string;
  readonly targetPath: string;
}

/** A volume, staged and published, for as long as `use` takes. */
async function withPublished(
  parameters: Readonly<Record<string, string>>,
  capability: VolumeCapability,
  bytes: number,
  use: (used: Used) => Promise<void>,
): Promise<void> {
  const { volume } = await csi.controller.createVolume(
    {
      name: newName(),
      volumeCapabilities: [capability],
      parameters,
      capacityRange: { requiredBytes: bytes, limitBytes: 0 },
    },
    forever,
  );
  const volumeId = volume?.volumeId ?? '';
  const used = {
    volumeId,
    stagingTargetPath: await newStagingPath(),
    targetPath: await newTargetPath(),
  };
  const volumeCapability = capability;
  await csi.node.stageVolume({ ...used, volumeCapability }, forever);
  await csi.node.publishVolume({ ...used, volumeCapability }, forever);
  try {
    await use(used);
  } finally {
    await csi.node.unpublishVolume(used, forever);
    await csi.node.unstageVolume(used, forever);
    await deleteWhenUnused(volumeId);
  }
}

/** The kernel may release a volume a moment after its unmount. */
async function deleteWhenUnused(volumeId: string): Promise<void> {
  const attempt = (): Promise<string> =>
    csi.controller.deleteVolume({ volumeId }, forever).then(
      () => 'deleted',
      (error: unknown) => String(error),
    );
  await expect.poll(attempt, { timeout: 10_000 }).toBe('deleted');
}

describe('data', () => {
  it('outlive the publication, and go with the volume', async () => {
    await withPublished({}, SINGLE_WRITER, MIB, async (used) => {
      await writeFile(join(used.targetPath, 'file'), 'hello');
      await csi.node.unpublishVolume(used, forever);
      await expect(stat(used.targetPath)).rejects.toMatchObject({ code: 'ENOENT' });
      const volumeCapability = SINGLE_WRITER;
      await csi.node.publishVolume({ ...used, volumeCapability, readonly: true }, forever);
      expect(await readFile(join(used.targetPath, 'file'), 'utf8')).toBe('hello');
      await expect(writeFile(join(used.targetPath, 'other'), '')).rejects.toMatchObject({
        code: 'EROFS',
      });
    });
    expect(await readdir(stateDir)).toEqual([]);
  });

  it('outlive a driver that was killed between staging and unstaging', async () => {
    await withPublished({ backing: 'image' }, SINGLE_WRITER, 16 * MIB, async (used) => {
      await writeFile(join(used.targetPath, 'file'), 'hello');
      await end();
      await mkdir(join(stateDir, '.new-half-made/data'), { recursive: true });
      await start();
      expect((await readdir(stateDir)).filter((name) => name.startsWith('.'))).toEqual([]);
      const volumeCapability = SINGLE_WRITER;
      await csi.node.stageVolume({ ...used, volumeCapability }, forever);
      await csi.node.publishVolume({ ...used, volumeCapability }, forever);
      expect(await readFile(join(used.targetPath, 'file'), 'utf8')).toBe('hello');
    });
  });

  it('end where an image is full', async () => {
    await withPublished({ backing: 'image' }, SINGLE_WRITER, 16 * MIB, async ({ targetPath }) => {
      const tooMuch = Buffer.alloc(32 * MIB, 'x');
      await expect(writeFile(join(targetPath, 'file'), tooMuch)).rejects.toMatchObject({
        code: 'ENOSPC',
      });
    });
  });

  it('find more room after an image has grown under them', async () => {
    const parameters = { backing: 'image', fsType: 'xfs' };
    await withPublished(parameters, SINGLE_WRITER, 300 * MIB, async (used) => {
      const size = async (): Promise<number> => {
        const { usage } = await csi.node.getVolumeStats(
          { ...used, volumePath: used.targetPath },
          forever,
        );
        return usage.find(({ unit }) => unit === 'bytes')?.total ?? 0;
      };
      const before = await size();
      const capacityRange = { requiredBytes: 400 * MIB, limitBytes: 0 };
      const grown = await csi.controller.expandVolume({ ...used, capacityRange }, forever);
      expect(grown).toEqual({ capacityBytes: 400 * MIB, nodeExpansionRequired: true });
      await csi.node.expandVolume({ ...used, volumePath: used.targetPath, capacityRange }, forever);
      expect((await size()) - before).toBeGreaterThan(90 * MIB);
    });
  });

  it('find more room when an image has grown while nobody had it', async () => {
    await withPublished({ backing: 'image' }, SINGLE_WRITER, 16 * MIB, async (used) => {
      await writeFile(join(used.targetPath, 'file'), 'hello');
      await csi.node.unpublishVolume(used, forever);
      await csi.node.unstageVolume(used, forever);
      const capacityRange = { requiredBytes: 64 * MIB, limitBytes: 0 };
      await csi.controller.expandVolume({ ...used, capacityRange }, forever);
      const volumeCapability = SINGLE_WRITER;
      await csi.node.stageVolume({ ...used, volumeCapability }, forever);
      await csi.node.publishVolume({ ...used, volumeCapability }, forever);
      const volumePath = used.targetPath;
      const { usage } = await csi.node.getVolumeStats({ ...used, volumePath }, forever);
      expect(usage.find(({ unit }) => unit === 'bytes')?.total).toBeGreaterThan(48 * MIB);
      await csi.node.expandVolume({ ...used, volumePath, capacityRange }, forever);
      expect(await readFile(join(used.targetPath, 'file'), 'utf8')).toBe('hello');
    });
  });

  it('find more room when another process held the device of an image for a moment', async () => {
    await withPublished({ backing: 'image' }, SINGLE_WRITER, 16 * MIB, async (used) => {
      const { stdout: source } = await run('findmnt', ['-n', '-o', 'SOURCE', used.targetPath]);
      const holder = await open(source.trim(), 'r');
      const released = delay(300).then(() => holder.close());
      await csi.node.unpublishVolume(used, forever);
      await csi.node.unstageVolume(used, forever);
      const capacityRange = { requiredBytes: 64 * MIB, limitBytes: 0 };
      await csi.controller.expandVolume({ ...used, capacityRange }, forever);
      const volumeCapability = SINGLE_WRITER;
      await csi.node.stageVolume({ ...used, volumeCapability }, forever);
      await released;
      await csi.node.publishVolume({ ...used, volumeCapability }, forever);
      const { usage } = await csi.node.getVolumeStats(
        { ...used, volumePath: used.targetPath },
        forever,
      );
      expect(usage.find(({ unit }) => unit === 'bytes')?.total).toBeGreaterThan(48 * MIB);
    });
  });

  it('of a block device are bytes of it', async () => {
    await withPublished({}, BLOCK, MIB, async ({ targetPath }) => {
      expect((await stat(targetPath)).isBlockDevice()).toBe(true);
      await run('dd', ['if=/etc/hostname', `of=${targetPath}`, 'conv=notrunc,fsync']);
      const { stdout } = await run('blockdev', ['--getsize64', targetPath]);
      expect(Number(stdout)).toBe(MIB);
    });
  });
});

describe('a volume of one pod', () => {
  it('comes with its publication and goes with it', async () => {
    const volumeId = 'csi-195ab872b0948b92';
    const targetPath = await newTargetPath();
    const volumeContext = { 'csi.storage.k8s.io/ephemeral': 'true' };
    const request = { volumeId, targetPath, volumeCapability: SINGLE_WRITER, volumeContext };
    await csi.node.publishVolume(request, forever);
    await writeFile(join(targetPath, 'file'), 'hello');
    await csi.node.unpublishVolume({ volumeId, targetPath }, forever);
    expect(await readdir(stateDir)).toEqual([]);
  });

  it('cannot leave the directory of the driver by its id', async () => {
    const targetPath = await newTargetPath();
    const volumeContext = { 'csi.storage.k8s.io/ephemeral': 'true' };
    for (const volumeId of ['../escape', '.', '..', 'a/b', '.new-x']) {
      const request = { volumeId, targetPath, volumeCapability: SINGLE_WRITER, volumeContext };
      await expect(csi.node.publishVolume(request, forever)).rejects.toMatchObject({
        code: 'CSI_INVALID_ARGUMENT',
      });
    }
    expect(await readdir(stateDir)).toEqual([]);
  });
});

describe('a path', () => {
  it('where something else is mounted is refused', async () => {
    const targetPath = await newTargetPath();
    await mkdir(targetPath);
    await run('mount', ['-t', 'tmpfs', 'tmpfs', targetPath]);
    try {
      await withPublished({}, SINGLE_WRITER, MIB, async (used) => {
        await expect(
          csi.node.publishVolume({ ...used, targetPath, volumeCapability: SINGLE_WRITER }, forever),
        ).rejects.toMatchObject({ code: 'CSI_ALREADY_EXISTS' });
      });
    } finally {
      await run('umount', [targetPath]);
    }
  });

  it('whose files are of others is never cleared', async () => {
    await withPublished({}, SINGLE_WRITER, MIB, async (used) => {
      await csi.node.unpublishVolume(used, forever);
      await mkdir(used.targetPath);
      await writeFile(join(used.targetPath, 'precious'), 'data');
      await expect(csi.node.unpublishVolume(used, forever)).rejects.toMatchObject({
        code: 'CSI_INTERNAL',
      });
      expect(await readFile(join(used.targetPath, 'precious'), 'utf8')).toBe('data');
      await rm(join(used.targetPath, 'precious'));
    });
  });
});

describe('the program', () => {
  it('registers with a kubelet, serves, and ends with its signal', async () => {
    const endpoint = join(dir, 'program.sock');
    const registration = join(dir, 'program-reg.sock');
    const program = spawn(
      process.execPath,
      [
        join(import.meta.dirname, '../../dist/bin/csi-hostpath.js'),
        ...['--endpoint', endpoint, '--registration', registration],
        ...['--state-dir', join(dir, 'program-state'), '--node-id', 'node-9'],
      ],
      { stdio: ['ignore', 'inherit', 'pipe'] },
    );
    let printed = '';
    program.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    try {
      await expect.poll(() => printed).toContain('serves on');
      const door = createRegistrationClient({ socketPath: registration });
      expect(await door.getInfo({}, forever)).toEqual({
        type: 'CSIPlugin',
        name: 'hostpath.csi.nodeagent.dev',
        endpoint,
        supportedVersions: ['1.0.0'],
      });
      await door.notifyRegistrationStatus({ pluginRegistered: true }, forever);
      const client = createCsiClient({ socketPath: endpoint });
      expect((await client.node.getInfo({}, forever)).nodeId).toBe('node-9');
      client.close();
      door.close();
    } finally {
      program.kill('SIGTERM');
    }
    expect(await once(program, 'exit')).toEqual([0, null]);
    expect(printed).toContain('registered');
    await expect(stat(endpoint)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
