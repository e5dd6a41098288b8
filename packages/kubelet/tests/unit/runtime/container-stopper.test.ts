import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import type { ContainerId } from '@nodeagent/cri-client';
import { MemoryRuntime } from '@nodeagent/cri-client/testing';
import type { Pod } from '@nodeagent/kube-client';
import { beforeEach, describe, expect, it } from 'vitest';

import { stopContainer } from '../../../src/runtime/run/container-stopper.js';
import { aPod, MemoryPodEvents } from '../../../src/testing/index.js';

const { signal } = new AbortController();
const SECOND = 1000;
let clock: ManualClock;
let cri: MemoryRuntime;
let events: MemoryPodEvents;
let id: ContainerId;

beforeEach(async () => {
  clock = new ManualClock();
  cri = new MemoryRuntime({ clock });
  cri.images.add('app');
  events = new MemoryPodEvents();
  const sandboxConfig = { metadata: { name: 'web', namespace: 'default', uid: 'u', attempt: 0 } };
  const sandboxId = await cri.runPodSandbox({ config: sandboxConfig }, signal);
  const config = { metadata: { name: 'app', attempt: 0 }, image: { image: 'app' } };
  id = await cri.createContainer({ sandboxId, config, sandboxConfig }, signal);
  await cri.startContainer(id, signal);
});

const log = new MemoryLogger();

interface Wanted {
  readonly graceSeconds: number;
  readonly preStop?: readonly string[];
  readonly sleepSeconds?: number;
  readonly turn?: Promise<void>;
}

function podOf({ preStop, sleepSeconds: seconds }: Wanted): Pod {
  const exec = preStop && { exec: { command: [...preStop] } };
  const hook = seconds === undefined ? exec : { sleep: { seconds } };
  const lifecycle = hook && { preStop: hook };
  return aPod({ containers: [{ name: 'app', image: 'app', ...(lifecycle && { lifecycle }) }] });
}

function stop(wanted: Wanted): Promise<void> {
  const { graceSeconds, preStop, sleepSeconds, turn } = wanted;
  return stopContainer(
    {
      ...{ containerId: id, name: 'app', pod: podOf(wanted), graceSeconds, why: 'Stopping' },
      preStop: preStop !== undefined || sleepSeconds !== undefined,
      ...(turn && { turn }),
    },
    { cri, events, clock, log, call: () => Promise.resolve('answered') },
    signal,
  );
}

/** The grace period that the runtime received; undefined before the call. */
const graceMs = (): unknown =>
  (cri.calls.of('stopContainer')[0]?.argument as { graceMs: number } | undefined)?.graceMs;

describe('stopContainer', () => {
  it.each([
    [30, 30 * SECOND],
    [1, 2 * SECOND],
    [0, 2 * SECOND],
  ])('a grace of %i s reaches the runtime as %i ms', async (graceSeconds, want) => {
    await stop({ graceSeconds });
    expect(graceMs()).toBe(want);
    expect(events.lines).toEqual([expect.stringMatching(/^Normal Killing .* app: Stopping$/)]);
  });

  it('the time of a preStop hook counts against the grace period', async () => {
    cri.calls.delay('execSync', 12 * SECOND);
    const stopped = stop({ graceSeconds: 30, preStop: ['drain'] });
    await clock.advance(11 * SECOND);
    expect(graceMs()).toBeUndefined();
    await clock.advance(SECOND);
    await stopped;
    expect(graceMs()).toBe(18 * SECOND);
  });

  it('a preStop hook that never ends fails when its container is killed', async () => {
    cri.program('app', { stopsAfterMs: 'never', exec: () => new Promise(() => undefined) });
    const stopped = stop({ graceSeconds: 30, preStop: ['hang'] });
    await clock.advance(31 * SECOND);
    expect(graceMs()).toBe(2 * SECOND);
    expect(events.lines).toEqual([expect.stringContaining('Killing')]);
    await clock.advance(SECOND);
    await stopped;
    expect(events.lines).toContainEqual(expect.stringContaining('FailedPreStopHook'));
  });

  it('a preStop hook that outlives its container is abandoned 2 s later', async () => {
    cri.calls.delay('execSync', 3600 * SECOND);
    const stopped = stop({ graceSeconds: 30, preStop: ['hang'] });
    await clock.advance(32 * SECOND);
    await stopped;
    expect(clock.sleeping).toBe(0);
    expect(events.lines).toEqual([expect.stringContaining('Killing')]);
  });

  it('a preStop sleep ends with the grace period, without a failure', async () => {
    const stopped = stop({ graceSeconds: 5, sleepSeconds: 3600 });
    await clock.advance(5 * SECOND);
    await stopped;
    expect(graceMs()).toBe(2 * SECOND);
    expect(events.lines).toEqual([expect.stringContaining('Killing')]);
  });

  it('a failed preStop hook is reported, and the container is stopped', async () => {
    cri.program('app', { exec: () => ({ exitCode: 1, stderr: 'no' }) });
    await stop({ graceSeconds: 30, preStop: ['drain'] });
    expect(events.lines).toContainEqual(expect.stringContaining('FailedPreStopHook'));
    const { name, namespace } = podOf({ graceSeconds: 30 }).metadata ?? {};
    expect(log.lines.at(-1)).toMatchObject({
      level: 'warn',
      fields: { container: 'app', pod: { name, namespace } },
    });
    expect(graceMs()).toBe(30 * SECOND);
  });

  it('no hook runs without a grace period', async () => {
    await stop({ graceSeconds: 0, preStop: ['drain'] });
    expect(cri.calls.of('execSync')).toEqual([]);
  });

  it('a sidecar waits for its turn within its grace period', async () => {
    const turn = Promise.withResolvers<undefined>();
    const stopped = stop({ graceSeconds: 30, turn: turn.promise });
    await clock.advance(10 * SECOND);
    expect(graceMs()).toBeUndefined();
    turn.resolve(undefined);
    await stopped;
    expect(graceMs()).toBe(20 * SECOND);
  });

  it('a turn that never comes ends with the grace period', async () => {
    const stopped = stop({ graceSeconds: 30, turn: new Promise(() => undefined) });
    await clock.advance(30 * SECOND);
    await stopped;
    expect(graceMs()).toBe(2 * SECOND);
  });
});
