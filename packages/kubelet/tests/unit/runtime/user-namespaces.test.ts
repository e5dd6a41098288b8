import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import type { SandboxConfig } from '@nodeagent/cri-client';
import { MemoryRuntime } from '@nodeagent/cri-client/testing';
import { createMemoryKubeClient } from '@nodeagent/kube-client/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  createUserNamespaceFiles,
  readSubIds,
} from '../../../src/runtime/adapters/user-namespace-files.js';
import { rangeProblem } from '../../../src/runtime/index.js';
import {
  defaultIdRange,
  freeBlock,
  parseIds,
  renderIds,
  subIdRange,
} from '../../../src/runtime/plan/user-namespace.js';
import { UserNamespaces } from '../../../src/runtime/run/index.js';
import { handlerFeatures } from '../../../src/runtime/run/runtime-handler.js';
import { Sandboxes } from '../../../src/runtime/run/sandboxes.js';
import { aPod, MemoryPodEvents } from '../../../src/testing/index.js';

const { signal } = new AbortController();
const BLOCK = 65_536;

describe(subIdRange, () => {
  const rules = { idsPerPod: BLOCK, maxPods: 110 };
  const line = (first: number, length: number): string => `0: kubelet ${first} ${length}\n`;
  const cases: readonly (readonly [string, string, string, RegExp])[] = [
    ['differs for groups', line(BLOCK, 7_208_960), line(BLOCK, 7_274_496), /differ/],
    ['has two ranges', `${line(BLOCK, BLOCK)}1: kubelet 1 1\n`, '', /differ|one range/],
    ['begins below the first block', line(1000, 7_208_960), '', /first id must be a multiple/],
    ['is no multiple', line(BLOCK, 7_208_961), '', /number of ids must be a multiple/],
    ['is too short', line(BLOCK, 109 * BLOCK), '', /too few for 110 pods/],
    ['ends beyond all ids', line(2 ** 32 - BLOCK, 110 * BLOCK), '', /ids end at/],
  ];
  it.each(cases)('refuses a range that %s', (_, uids, gids, want) => {
    expect(subIdRange({ uids, gids: gids || uids }, rules)).toMatch(want);
  });

  it('accepts a range that is just long enough', () => {
    const text = line(2 * BLOCK, 110 * BLOCK);
    expect(subIdRange({ uids: text, gids: text }, rules)).toEqual({
      first: 2 * BLOCK,
      length: 110 * BLOCK,
      idsPerPod: BLOCK,
    });
  });

  it.each([1000, BLOCK + 1, 0])('refuses %i ids per pod', (idsPerPod) => {
    expect(rangeProblem(defaultIdRange(idsPerPod), 1)).toMatch('must be a multiple of 65536');
  });
});

describe(freeBlock, () => {
  const range = { first: BLOCK, length: 3 * BLOCK, idsPerPod: BLOCK };
  it.each([
    [[], 0, 1],
    [[], 0.99, 3],
    [[3], 0.99, 1],
    [[1, 3], 0, 2],
    [[1, 2, 3], 0.5, undefined],
  ])('with %j taken and chance %d it is block %s', (taken, chance, want) => {
    const used = new Set(taken.map((block) => block * BLOCK));
    expect(freeBlock(range, used, chance)?.hostId).toBe(want && want * BLOCK);
  });
});

describe(parseIds, () => {
  const ids = { hostId: BLOCK, containerId: 0, length: BLOCK };
  it('reads what it wrote', () => expect(parseIds(renderIds(ids), BLOCK)).toEqual(ids));
  it.each([
    ['', /not JSON/],
    ['null', /one and the same/],
    ['{"uidMappings":[],"gidMappings":[]}', /one and the same/],
    [renderIds({ ...ids, containerId: 1 }), /one and the same/],
    [renderIds({ ...ids, length: 1 }), /one and the same/],
    [renderIds(ids).replace('65536', '131072'), /one and the same/],
  ])('refuses %j', (text, want) => expect(parseIds(text, BLOCK)).toMatch(want));
});

describe(UserNamespaces, () => {
  let rootDir: string;
  beforeEach(async () => {
    rootDir = await mkdtemp(join(tmpdir(), 'userns-'));
  });
  afterEach(() => rm(rootDir, { recursive: true }));
  const range = { first: BLOCK, length: 3 * BLOCK, idsPerPod: BLOCK };
  const create = () => new UserNamespaces(createUserNamespaceFiles(rootDir), range, () => 0.4);
  const pod = (uid: string) => ({ metadata: { uid }, spec: { containers: [], hostUsers: false } });

  it('assigns each pod its own block, the same after a restart', async () => {
    const first = create();
    const all = await Promise.all(['a', 'b', 'c'].map((uid) => first.of(pod(uid), signal)));
    expect(new Set(all.map(({ hostId }) => hostId)).size).toBe(3);
    expect(await Promise.all(['a', 'b', 'c'].map((uid) => create().of(pod(uid), signal)))).toEqual(
      all,
    );
    const file = join(rootDir, 'pods/a/userns');
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
      uidMappings: [all[0]],
      gidMappings: [all[0]],
    });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(rootDir, 'pods/a'))).toEqual(['userns']);
  });

  it('reuses the blocks of removed pods, and fails when all are taken', async () => {
    const namespaces = create();
    for (const uid of ['a', 'b', 'c']) await namespaces.of(pod(uid), signal);
    await expect(namespaces.of(pod('d'), signal)).rejects.toMatchObject({
      reason: 'CreatePodSandboxError',
      message: expect.stringContaining('all 3 are taken') as string,
    });
    await rm(join(rootDir, 'pods/b'), { recursive: true });
    expect((await namespaces.of(pod('d'), signal)).length).toBe(BLOCK);
  });

  it('assigns nothing while the used blocks are unknown', async () => {
    await mkdir(join(rootDir, 'pods/broken'), { recursive: true });
    await writeFile(join(rootDir, 'pods/broken/userns'), '{"uidMap');
    await writeFile(join(rootDir, 'pods/some-file'), '');
    await expect(create().of(pod('a'), signal)).rejects.toThrow(
      /user namespace of pod broken: .*pods\/broken\/userns is not JSON/,
    );
  });
});

describe(readSubIds, () => {
  it('runs no program if there is no such user', async () => {
    expect(await readSubIds('/nowhere/passwd')).toBeUndefined();
  });
});

describe('a pod with user ids of its own', () => {
  const ids = { hostId: BLOCK, containerId: 0, length: BLOCK };
  const settings = {
    podLogsDir: '/logs',
    containerLogsDir: '/links',
    clusterDomain: 'c.local',
    clusterDns: ['10.0.0.10'],
    resolvConfPath: '',
    cpuCfsQuota: true,
    cpuPeriodUs: 100_000,
    memoryCapacityBytes: 2 ** 30,
    unified: {},
    seccompDefault: false,
    seccompDir: '/seccomp',
  };
  const setUp = (cri = new MemoryRuntime({ clock: new ManualClock() })) => {
    const sandboxes = new Sandboxes(
      {
        cri,
        client: createMemoryKubeClient(),
        files: { makeDirectory: async () => 'new' } as never,
        volumes: { groups: () => [] },
        cgroups: { ensure: async () => undefined, parentOf: () => undefined },
        events: new MemoryPodEvents(),
        log: new MemoryLogger(),
        userNamespaces: { of: async () => ids },
      },
      settings,
    );
    const request = () => {
      const [first] = cri.calls.of('runPodSandbox');
      const asked = first?.argument as { config: SandboxConfig } | undefined;
      return asked?.config.linux?.securityContext?.namespaces?.user;
    };
    return { cri, sandboxes, request };
  };

  it('has them in its sandbox and in every later configuration', async () => {
    const { sandboxes, request } = setUp();
    const pod = aPod({ hostUsers: false });
    await sandboxes.create(pod, 0, signal);
    expect(request()).toEqual({ mode: 'pod', uids: [ids], gids: [ids] });
    const again = await sandboxes.config(pod, { attempt: 0, warnings: 'ignore' }, signal);
    expect(again.linux?.securityContext?.namespaces?.user).toEqual(request());
    expect(await sandboxes.ids(aPod(), signal)).toBeUndefined();
  });

  it('is not created without them', async () => {
    const { cri, sandboxes, request } = setUp();
    const status = await cri.status(signal);
    cri.status = async () => ({ ...status, handlers: [] });
    await expect(sandboxes.create(aPod({ hostUsers: false }), 0, signal)).rejects.toThrow(
      "can't set `spec.hostUsers: false`, runtime does not support user namespaces",
    );
    expect(request()).toBeUndefined();
  });

  it('uses the host’s ids otherwise', async () => {
    const { sandboxes, request } = setUp();
    await sandboxes.create(aPod(), 0, signal);
    expect(request()).toEqual({ mode: 'node' });
  });

  it('gets an event about a missing cluster resolver, and so does the node', async () => {
    const told: string[] = [];
    const events = new MemoryPodEvents();
    const sandboxes = new Sandboxes(
      {
        cri: new MemoryRuntime({ clock: new ManualClock() }),
        client: createMemoryKubeClient(),
        files: {} as never,
        volumes: { groups: () => [5000] },
        cgroups: { parentOf: () => undefined } as never,
        events,
        log: new MemoryLogger(),
        nodeEvents: { warning: (reason) => void told.push(reason) },
      },
      { ...settings, clusterDns: [], loopbacks: ['::1'] },
    );
    const { dns, linux } = await sandboxes.config(
      aPod(),
      { attempt: 0, warnings: 'report' },
      signal,
    );
    expect(dns?.servers).toEqual(['::1']);
    expect(linux?.securityContext?.supplementalGroups).toEqual([5000]);
    expect(told).toEqual(['MissingClusterDNS']);
    expect(events.lines).toEqual([
      expect.stringMatching(
        /^Warning MissingClusterDNS web: pod: "web_default\(uid-1\)"\. kubelet/,
      ),
    ]);
  });
});

describe(handlerFeatures, () => {
  it('are none for a handler that the runtime does not report', async () => {
    const cri = new MemoryRuntime({ clock: new ManualClock() });
    expect(await handlerFeatures('unknown', cri, signal)).toEqual({
      userNamespaces: false,
      recursiveReadOnlyMounts: false,
    });
  });
});
