import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { MemoryRuntime } from '@nodeagent/cri-client/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { compareStates, type LastSeen } from '../../../src/observation/plan/runtime-diff.js';
import {
  createRuntimeWatch,
  type RuntimeWatch,
  type RuntimeWatchOptions,
} from '../../../src/observation/run/runtime-watch.js';

const SECOND = 1000;
let clock: ManualClock;
let cri: MemoryRuntime;
let changed: string[];
let end: AbortController;
let running: Promise<void>;

beforeEach(() => {
  clock = new ManualClock();
  cri = new MemoryRuntime({ clock });
  changed = [];
  end = new AbortController();
});

afterEach(async () => {
  end.abort(new Error('the test is over'));
  await running;
});

const compare = (): 'different' => 'different';

async function watch(streams: boolean): Promise<RuntimeWatch> {
  const made = createRuntimeWatch({ cri, clock, log: new MemoryLogger(), streams, compare });
  running = made.run((uid) => changed.push(uid), end.signal);
  await clock.advance(0);
  return made;
}

/** As a worker that has observed this much of its pod would receive it. */
async function watchAgainst(seen: ReadonlyMap<string, LastSeen>, streams = false): Promise<void> {
  const compare: RuntimeWatchOptions['compare'] = (uid, told) => compareStates(seen.get(uid), told);
  const log = new MemoryLogger();
  const made = createRuntimeWatch({ cri, clock, log, streams, compare });
  running = made.run((uid) => changed.push(uid), end.signal);
  await clock.advance(0);
}

async function addPod(uid: string): Promise<void> {
  const metadata = { name: uid, namespace: 'default', uid, attempt: 0 };
  const labels = { 'io.kubernetes.pod.uid': uid };
  await cri.runPodSandbox({ config: { metadata, labels } }, end.signal);
}

const lists = (): number => cri.calls.of('listPodSandbox').length;

describe('RuntimeWatch', () => {
  it('without events, lists every second and reports only changes', async () => {
    await watch(false);
    await addPod('a');
    await clock.advance(SECOND);
    expect(changed).toEqual(['a']);
    await clock.advance(5 * SECOND);
    expect(changed).toEqual(['a']);
    const [sandbox] = await cri.listPodSandbox({}, end.signal);
    if (sandbox === undefined) throw new Error('no sandbox');
    await cri.removePodSandbox(sandbox.id, end.signal);
    await clock.advance(SECOND);
    expect(changed).toEqual(['a', 'a']);
    expect(cri.calls.of('containerEvents')).toEqual([]);
  });

  it('does not report to a worker what it has observed itself', async () => {
    const seen = new Map<string, LastSeen>();
    await watchAgainst(seen);
    await addPod('a');
    await addPod('b');
    const [own] = await cri.listPodSandbox(
      { labels: { 'io.kubernetes.pod.uid': 'a' } },
      end.signal,
    );
    if (own === undefined) throw new Error('no sandbox');
    seen.set('a', { states: new Map([[own.id, own.state]]), isGrowing: false });
    await clock.advance(SECOND);
    expect(changed).toEqual(['b']);
    await cri.stopPodSandbox(own.id, end.signal);
    await clock.advance(SECOND);
    expect(changed).toEqual(['b', 'a']);
  });

  it.each([
    ['what a worker has made is no news when it has looked at it', true],
    ['what it did not make is, though nothing changed any more', false],
  ])('%s', async (_, isItsOwn) => {
    const seen = new Map<string, LastSeen>();
    await watchAgainst(seen);
    seen.set('a', { states: new Map(), isGrowing: true });
    await addPod('a');
    await clock.advance(3 * SECOND);
    expect(changed).toEqual([]);
    const [own] = await cri.listPodSandbox({}, end.signal);
    const states = new Map(isItsOwn && own !== undefined ? [[own.id, own.state]] : []);
    seen.set('a', { states, isGrowing: false });
    await clock.advance(SECOND);
    expect(changed).toEqual(isItsOwn ? [] : ['a']);
  });

  it('does not report a worker’s own creations by events', async () => {
    const seen = new Map<string, LastSeen>([['a', { states: new Map(), isGrowing: true }]]);
    await watchAgainst(seen, true);
    await addPod('a');
    await addPod('b');
    await clock.advance(0);
    expect(new Set(changed)).toEqual(new Set(['b']));
    const [own] = await cri.listPodSandbox(
      { labels: { 'io.kubernetes.pod.uid': 'a' } },
      end.signal,
    );
    if (own === undefined) throw new Error('no sandbox');
    seen.set('a', { states: new Map([[own.id, own.state]]), isGrowing: false });
    await cri.stopPodSandbox(own.id, end.signal);
    await clock.advance(0);
    expect(changed).toContain('a');
  });

  it('reports an end by events at once, even if the worker is about to observe', async () => {
    await watchAgainst(new Map([['a', { states: new Map(), isGrowing: true }]]), true);
    await addPod('a');
    await clock.advance(0);
    expect(changed).toEqual([]);
    const [own] = await cri.listPodSandbox({}, end.signal);
    if (own === undefined) throw new Error('no sandbox');
    await cri.stopPodSandbox(own.id, end.signal);
    await clock.advance(0);
    expect(changed).toContain('a');
  });

  it('with events, reports at once, and rarely lists', async () => {
    await watch(true);
    await addPod('a');
    await clock.advance(0);
    expect(changed).toContain('a');
    await clock.advance(2 * SECOND);
    const before = lists();
    await clock.advance(25 * SECOND);
    expect(lists()).toBe(before);
  });

  it('lists again when the stream is lost, and opens a new one', async () => {
    await watch(true);
    await addPod('a');
    await clock.advance(SECOND);
    cri.calls.goAway();
    await clock.advance(SECOND);
    cri.calls.comeBack();
    const streams = cri.calls.of('containerEvents').length;
    await clock.advance(40 * SECOND);
    expect(cri.calls.of('containerEvents').length).toBeGreaterThan(streams);
    changed.length = 0;
    await addPod('b');
    await clock.advance(0);
    expect(changed).toContain('b');
  });

  it('lists every second from the loss of the stream on', async () => {
    await watch(true);
    await addPod('a');
    await clock.advance(12 * SECOND);
    cri.calls.goAway();
    await clock.advance(0);
    cri.calls.comeBack();
    changed.length = 0;
    await addPod('b'); // no event reports it
    await clock.advance(SECOND);
    expect(changed).toEqual(['b']);
  });

  it('is unhealthy before the first list, and after three minutes without a successful list', async () => {
    const idle = createRuntimeWatch({
      ...{ cri, clock, compare, log: new MemoryLogger() },
      streams: false,
    });
    expect(idle.unhealthyReason()).toBe('pleg has yet to be successful');
    const made = await watch(false);
    expect(made.unhealthyReason()).toBeUndefined();
    cri.calls.goAway();
    await clock.advance(180 * SECOND);
    expect(made.unhealthyReason()).toBeUndefined();
    await clock.advance(2 * SECOND);
    expect(made.unhealthyReason()).toMatch(
      /^pleg was last seen active 18\ds ago; threshold is 3m0s$/,
    );
    cri.calls.comeBack();
    await clock.advance(SECOND);
    expect(made.unhealthyReason()).toBeUndefined();
  });
});
