import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { emptyObservation, type RuntimePod } from '../../../src/pod/index.js';
import { MemoryPodEvents, MemoryPodRuntime, noClaimedVolumes } from '../../../src/testing/index.js';
import { createVolumeFiles } from '../../../src/volumes/adapters/volume-files.js';
import { createPodVolumes } from '../../../src/volumes/run/index.js';
import { createLogDirectories } from '../../../src/workers/adapters/log-directories.js';
import { runHousekeeping } from '../../../src/workers/run/housekeeping.js';

let dir: string;
let [rootDir, podLogsDir, containerLogsDir] = ['', '', ''];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-directories-'));
  rootDir = join(dir, 'kubelet');
  podLogsDir = join(dir, 'pods');
  containerLogsDir = join(dir, 'containers');
  for (const each of [podLogsDir, containerLogsDir]) await mkdir(each);
  await mkdir(join(rootDir, 'pods/known/volumes'), { recursive: true });
  await writeFile(join(rootDir, 'allocated_pods_state'), '{}');
});
afterEach(() => rm(dir, { recursive: true }));

/** Housekeeping over real files, with one desired pod. */
async function housekeep(
  until: (log: MemoryLogger) => boolean | Promise<boolean>,
  inRuntime: readonly RuntimePod[] = [],
): Promise<void> {
  const clock = new ManualClock();
  const log = new MemoryLogger();
  const volumes = createPodVolumes({
    rootDir,
    files: createVolumeFiles(),
    mounter: {
      avoidsSwap: async () => true,
      mountTmpfs: async () => undefined,
      mountHugepages: async () => undefined,
      bind: async () => undefined,
      share: async () => undefined,
      unmount: async () => undefined,
      isMountPoint: async () => false,
      list: async () => [],
    },
    claimed: noClaimedVolumes,
    events: new MemoryPodEvents(),
    clock,
    objects: { configMap: async () => undefined, secret: async () => undefined },
    tokens: { token: async () => '', forget: () => undefined },
    fields: { field: () => undefined, resource: () => undefined },
  });
  const stop = new AbortController();
  const running = runHousekeeping(
    {
      runtime: new MemoryPodRuntime(clock),
      runtimeView: {
        listPods: async () => inRuntime,
        observe: async () => emptyObservation(0),
      },
      volumes,
      leftovers: [createLogDirectories({ podLogsDir, containerLogsDir })],
      synced: () => true,
      known: () => ['known'],
      clock,
      log,
    },
    stop.signal,
  );
  const endMs = performance.now() + 30_000; // generous, because the machine may be under load
  while (performance.now() < endMs && !(await until(log))) {
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(2000);
  }
  stop.abort();
  await running;
}

describe('a directory of logs that belongs to no pod', () => {
  it.each(['ns_name_..', 'ns_name_.', 'ns_name_gone', '.._.._..'])(
    '%s is the only directory that is removed',
    async (name) => {
      await mkdir(join(podLogsDir, name, 'container'), { recursive: true });
      await mkdir(join(podLogsDir, 'ns_name_known'));
      await symlink(join(podLogsDir, name, 'container/0.log'), join(containerLogsDir, 'a.log'));
      await symlink(join(podLogsDir, 'ns_name_known/c/0.log'), join(containerLogsDir, 'b.log'));
      await housekeep(async () => (await readdir(podLogsDir)).length === 1);
      expect(await readdir(podLogsDir)).toEqual(['ns_name_known']);
      expect(await readdir(containerLogsDir)).toEqual(['b.log']);
      expect(await readdir(join(rootDir, 'pods/known'))).toEqual(['volumes']);
      expect(await readdir(rootDir)).toEqual(['allocated_pods_state', 'pods']);
    },
  );
});

describe('a pod that another client created in the runtime with its own uid', () => {
  it.each(['..', '.', '../..', ''])('removes no directory: %j', async (uid) => {
    const warned = 'the uid of an unknown pod is not a valid directory name';
    const stranger = { uid, namespace: 'ns', name: 'crictl', running: false };
    const until = (log: MemoryLogger) => log.lines.some(({ message }) => message === warned);
    await housekeep(until, [stranger]);
    expect(await readdir(rootDir)).toEqual(['allocated_pods_state', 'pods']);
    expect(await readdir(join(rootDir, 'pods/known'))).toEqual(['volumes']);
  });
});
