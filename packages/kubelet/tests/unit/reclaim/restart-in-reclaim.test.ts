import { PODS } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { type Fuse, MortalNode } from '../../support/mortal-node.js';

const { signal } = new AbortController();
const MINUTE = 60_000;

interface Scene {
  readonly world: MortalNode;
  /** Lets the kubelet work until it has made all changes, or was killed. */
  act(): Promise<void>;
  /** Describes the machine afterwards, which must not depend on the kill. */
  outcome(): Promise<unknown>;
}

/** Kills at the first change, before and after its effect, then at the second, … until none is left. */
async function atEachChange(
  open: () => Promise<Scene>,
  { want, recoverMs }: Readonly<{ want: unknown; recoverMs: number }>,
  check: (scene: Scene, at: string) => void = () => undefined,
): Promise<number> {
  const live = async (fuse?: Fuse): Promise<readonly [unknown, boolean]> => {
    const scene = await open();
    scene.world.arm(fuse);
    await scene.act();
    const wasKilled = scene.world.isDead;
    await scene.world.stop();
    scene.world.arm(undefined);
    scene.world.boot();
    await scene.world.clock.advance(recoverMs);
    const outcome = await scene.outcome();
    check(scene, JSON.stringify(fuse));
    await scene.world.stop();
    return [outcome, wasKilled];
  };
  expect((await live())[0]).toEqual(want);
  for (let step = 1; ; step += 1) {
    let kills = 0;
    for (const effect of ['before', 'after'] as const) {
      const [outcome, wasKilled] = await live({ step, effect });
      expect.soft(outcome, `${step} ${effect}`).toEqual(want);
      if (wasKilled) kills += 1;
    }
    if (kills === 0) return step - 1;
  }
}

/** No change of this kind was made twice to the same thing. */
function madeOnce(kind: string): (scene: Scene, at: string) => void {
  return ({ world }, at) => {
    const made = world.changes.filter((change) => change.startsWith(`${kind} `));
    expect.soft(made.length, `${kind} ${at}`).toBe(new Set(made).size);
  };
}

const podOf = (name: string, spec: object = {}) => ({
  metadata: { namespace: 'default', name, uid: name },
  spec: { nodeName: 'n1', containers: [{ name: 'app', image: 'app:1' }], ...spec },
});

describe('a kubelet that is killed at any change', () => {
  it('while it collects containers: the next one leaves neither logs nor links behind', async () => {
    const containerGc = { minAgeMs: 0, perContainer: 1, total: 1 };
    const open = async (): Promise<Scene> => {
      const world = new MortalNode({}, { containerGc });
      const { api, runtime, disk } = world.node;
      runtime.program('app', { runsMs: 10 });
      world.boot();
      await world.clock.advance(1000);
      for (const name of ['a', 'b', 'c']) {
        await api.create(PODS, podOf(name, { restartPolicy: 'Never' }), signal);
        await world.clock.advance(3000);
      }
      return {
        world,
        act: () => world.clock.advance(MINUTE),
        outcome: async () => ({
          containers: (await runtime.listContainers({}, signal)).map(
            ({ labels }) => labels['io.kubernetes.pod.name'],
          ),
          logs: disk.below('/var/log/pods').filter((path) => path.endsWith('.log')).length,
          links: disk.below('/var/log/containers').length,
          phases: (await api.list(PODS, {}, signal)).items.map(({ status }) => status?.phase),
        }),
      };
    };
    const want = { containers: ['c'], logs: 1, links: 1, phases: Array(3).fill('Succeeded') };
    const kills = await atEachChange(
      open,
      { want, recoverMs: 2 * MINUTE },
      madeOnce('removeContainer'),
    );
    expect(kills).toBeGreaterThan(3);
  });

  it('while it removes images: the next one removes no more than needed', async () => {
    const open = async (): Promise<Scene> => {
      const config = {
        ...{ imageGCHighThresholdPercent: 85, imageGCLowThresholdPercent: 80 },
        ...{ imageMinimumGCAge: '1ms', evictionHard: {} },
      };
      const world = new MortalNode(config);
      const { runtime } = world.node;
      const names = ['a:1', 'b:1', 'c:1', 'd:1', 'e:1'];
      for (const name of names) runtime.images.add(name, { sizeBytes: 40 });
      const present = (): readonly string[] =>
        names.filter((name) => runtime.images.find(name) !== undefined);
      let isFull = false;
      // Each image is 4 % of the disk.
      const fileSystem = async () => ({
        ...{
          atMs: world.clock.nowMs(),
          capacityBytes: 1000,
          usedBytes: 700 + 40 * present().length,
        },
        availableBytes: isFull ? 300 - 40 * present().length : 900,
        ...{ inodes: 1000, inodesFree: 900 },
      });
      world.boot();
      await world.clock.advance(1000);
      isFull = true;
      world.figures = { fileSystem };
      return {
        world,
        act: () => world.clock.advance(6 * MINUTE),
        // A disk that one kubelet has brought below the high threshold is left by the next one.
        outcome: async () => {
          const left = present().length;
          return { isTooFull: 70 + 4 * left >= 85, lostTooMuch: left < 2 };
        },
      };
    };
    const want = { isTooFull: false, lostTooMuch: false };
    const kills = await atEachChange(
      open,
      { want, recoverMs: 11 * MINUTE },
      madeOnce('removeImage'),
    );
    expect(kills).toBeGreaterThan(1);
  });

  it('while it evicts a pod: the next one ends this pod, and no other', async () => {
    const open = async (): Promise<Scene> => {
      const world = new MortalNode({ evictionHard: { 'pid.available': '1000' } });
      const { api, runtime } = world.node;
      world.boot();
      await world.clock.advance(1000);
      await api.create(PODS, podOf('greedy', { priority: 0 }), signal);
      await api.create(PODS, podOf('modest', { priority: 1000 }), signal);
      await world.clock.advance(5000);
      const processes = async () => {
        const running = await runtime.listContainers({ state: 'running' }, signal);
        const isGreedy = running.some(
          ({ labels }) => labels['io.kubernetes.pod.name'] === 'greedy',
        );
        return { max: 32_768, current: isGreedy ? 32_000 : 100 };
      };
      world.figures = { processes };
      return {
        world,
        act: () => world.clock.advance(30_000),
        outcome: async () => {
          const { items } = await api.list(PODS, {}, signal);
          const running = await runtime.listContainers({ state: 'running' }, signal);
          return {
            pods: items.map(({ metadata, status }) => [
              metadata?.name,
              status?.phase,
              status?.reason,
            ]),
            running: running.map(({ labels }) => labels['io.kubernetes.pod.name']),
          };
        },
      };
    };
    const want = {
      pods: [
        ['greedy', 'Failed', 'Evicted'],
        ['modest', 'Running', undefined],
      ],
      running: ['modest'],
    };
    const kills = await atEachChange(open, { want, recoverMs: 2 * MINUTE });
    expect(kills).toBeGreaterThan(2);
  });

  it('while it rotates a log: the next one loses no line, and leaves nothing unfinished', async () => {
    const open = async (): Promise<Scene> => {
      const config = { containerLogMaxSize: '100', containerLogMaxFiles: 5 };
      const world = new MortalNode(config);
      const { api, disk } = world.node;
      world.boot();
      await world.clock.advance(1000);
      await api.create(PODS, podOf('web'), signal);
      await world.clock.advance(5000);
      const logs = (): readonly string[] =>
        disk.below('/var/log/pods').filter((path) => path.includes('.log'));
      const current = logs().find((path) => path.endsWith('.log')) ?? '';
      const write = (line: string): void =>
        disk.append(current, line.padEnd(119, '.').concat('\n'));
      write('first');
      await world.clock.advance(15_000);
      write('second');
      return {
        world,
        act: () => world.clock.advance(15_000),
        outcome: async () => {
          const texts = logs().map((path) => disk.read(path) ?? '');
          return {
            kinds: logs()
              .map((path) => (path.split('/').at(-1) ?? '').replace(/\d{8}-\d{6}/, 'TIME'))
              .sort(),
            lines: ['first', 'second'].map(
              (line) => texts.filter((text) => text.includes(line)).length,
            ),
          };
        },
      };
    };
    const want = { kinds: ['0.log', '0.log.TIME', '0.log.TIME.gz'], lines: [1, 1] };
    const kills = await atEachChange(open, { want, recoverMs: MINUTE });
    expect(kills).toBeGreaterThan(1);
  });
});
