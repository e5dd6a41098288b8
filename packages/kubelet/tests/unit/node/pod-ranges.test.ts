import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { MemoryRuntime } from '@nodeagent/cri-client/testing';
import type { Node } from '@nodeagent/kube-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { runPodRanges } from '../../../src/node/run/index.js';

let clock: ManualClock;
let log: MemoryLogger;
let cri: MemoryRuntime;
let node: Node | undefined;
let end: AbortController;
let run: Promise<void>;

beforeEach(() => {
  clock = new ManualClock();
  log = new MemoryLogger();
  cri = new MemoryRuntime({ clock });
  node = undefined;
  end = new AbortController();
});

afterEach(async () => {
  end.abort();
  await run;
});

function start(configured: string): void {
  run = runPodRanges({ cri, configured, node: () => node, clock, log }, end.signal);
}

const passed = (): readonly unknown[] =>
  cri.calls.recorded
    .filter(({ method }) => method === 'updateRuntimeConfig')
    .map(({ argument }) => argument);

const nodeWith = (podCIDRs: unknown): Node => ({ spec: { podCIDRs } }) as Node;

describe(runPodRanges, () => {
  it('passes nothing while no range is known', async () => {
    start('');
    await clock.advance(60_000);
    expect(passed()).toEqual([]);
  });

  it('passes the configured range once, at start', async () => {
    start('10.1.0.0/24');
    await clock.advance(60_000);
    expect(passed()).toEqual(['10.1.0.0/24']);
  });

  it('passes the ranges of the node, and each change of them', async () => {
    start('10.1.0.0/24');
    await clock.advance(0);
    node = nodeWith(['10.2.0.0/24', 'fd00:2::/64']);
    await clock.advance(20_000);
    node = nodeWith(['10.3.0.0/24']);
    await clock.advance(20_000);
    expect(passed()).toEqual(['10.1.0.0/24', '10.2.0.0/24,fd00:2::/64', '10.3.0.0/24']);
  });

  it('tries again when the runtime refuses a range', async () => {
    cri.calls.failNext('updateRuntimeConfig', 'CRI_UNAVAILABLE');
    start('10.1.0.0/24');
    await clock.advance(0);
    expect(log.lines).toMatchObject([
      { level: 'warn', fields: { podCidr: '10.1.0.0/24', retryInMs: 10_000 } },
    ]);
    await clock.advance(30_000);
    expect(passed()).toEqual(['10.1.0.0/24', '10.1.0.0/24']);
  });

  it.each([[undefined], [[]], ['10.2.0.0/24'], [[7]], [{}]])(
    'keeps the configured range while the node has %j for ranges',
    async (podCIDRs) => {
      node = nodeWith(podCIDRs);
      start('10.1.0.0/24');
      await clock.advance(20_000);
      expect(passed()).toEqual(['10.1.0.0/24']);
    },
  );
});
