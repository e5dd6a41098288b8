import { ManualClock } from '@nodeagent/base/testing';
import { createScriptedProber, type ScriptedProber } from '@nodeagent/probes/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  aContainer,
  anObservation,
  aPod,
  aSandbox,
  MemoryPodEvents,
  running,
} from '../../../src/testing/index.js';
import { ManagedProbes } from '../../../src/workers/run/index.js';

const pod = aPod({
  containers: [
    {
      ports: [{ name: 'http', containerPort: 8080 }],
      readinessProbe: { httpGet: { port: 'http', path: '/ready' }, periodSeconds: 5 },
      livenessProbe: { exec: { command: ['true'] }, failureThreshold: 1 },
    },
    { name: 'quiet' },
  ],
});

let clock: ManualClock;
let prober: ScriptedProber;
let events: MemoryPodEvents;
let changed: string[];
let probes: ManagedProbes;
let end: AbortController;
let run: Promise<void>;

beforeEach(() => {
  clock = new ManualClock();
  prober = createScriptedProber('failure');
  events = new MemoryPodEvents();
  changed = [];
  end = new AbortController();
  probes = new ManagedProbes({
    prober,
    events,
    node: { hostIps: () => ['10.0.0.1'] },
    clock,
    random: () => 0,
    onChange: (uid) => changed.push(uid),
  });
  run = probes.run(end.signal);
});

afterEach(async () => {
  end.abort();
  await run;
});

const seen = () =>
  anObservation(
    [aSandbox()],
    [
      aContainer({ state: running(clock.nowMs()) }),
      aContainer({ name: 'quiet', state: running(clock.nowMs()) }),
    ],
  );

describe(ManagedProbes, () => {
  it('probes the pod at its address and port, and the container by its id', async () => {
    probes.update(pod, seen());
    await clock.advance(10_100);
    expect(prober.attempts).toContainEqual(
      expect.objectContaining({ kind: 'exec', instanceId: 'app-0', command: ['true'] }),
    );
    expect(prober.attempts).toContainEqual(
      expect.objectContaining({ kind: 'http', hostname: '10.1.0.5', port: 8080, target: '/ready' }),
    );
  });

  it('begins live and undecided, and reports changes', async () => {
    probes.update(pod, seen());
    expect(probes.verdicts('uid-1').get('app-0')).toEqual({ liveness: 'success' });
    await clock.advance(10_100);
    expect(changed).toEqual(['uid-1']);
    expect(probes.verdicts('uid-1').get('app-0')).toMatchObject({ liveness: 'failure' });
    expect(events.lines).toContain('Warning Unhealthy web app: Liveness probe failed: failure');
    expect(events.lines).toContain('Warning Unhealthy web app: Readiness probe failed: failure');
  });

  it('probes readiness again when the pod is synced, before its period is over', async () => {
    probes.update(pod, seen());
    await clock.advance(1000);
    prober.answer('success');
    probes.update(pod, seen());
    await clock.advance(100);
    expect(probes.verdicts('uid-1').get('app-0')).toMatchObject({ readiness: 'success' });
  });

  it('does not probe liveness while the pod stops, and forgets the pod afterwards', async () => {
    prober.answer('success');
    probes.update(pod, seen());
    await clock.advance(100);
    probes.stopping('uid-1');
    prober.answer('failure');
    await clock.advance(60_000);
    expect(probes.verdicts('uid-1').get('app-0')).toEqual({
      liveness: 'success',
      readiness: 'failure',
    });
    probes.remove('uid-1');
    expect(probes.verdicts('uid-1').size).toBe(0);
    const before = prober.attempts.length;
    await clock.advance(60_000);
    expect(prober.attempts).toHaveLength(before);
  });
});
