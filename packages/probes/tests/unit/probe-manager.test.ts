import { ManualClock } from '@nodeagent/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  type AttemptReport,
  ProbeManager,
  type ProbeManagerOptions,
  type ProbeSubject,
  type VerdictChange,
} from '../../src/index.js';
import { createScriptedProber, type ScriptedProber } from '../../src/testing/index.js';
import { anInstance, aProbe, aSubject } from '../builders.js';

let clock: ManualClock;
let prober: ScriptedProber;
let changes: VerdictChange[];
let reports: AttemptReport[];
let manager: ProbeManager;
let running: Promise<void>;
let stop: AbortController;

function start(over: Partial<ProbeManagerOptions> = {}): void {
  const sink = {
    changed: (change: VerdictChange) => void changes.push(change),
    attempted: (report: AttemptReport) => void reports.push(report),
  };
  manager = new ProbeManager({ clock, prober, sink, random: () => 0.5, ...over });
  stop = new AbortController();
  running = manager.run(stop.signal);
}

beforeEach(() => {
  clock = new ManualClock();
  prober = createScriptedProber();
  changes = [];
  reports = [];
  start();
});

afterEach(async () => {
  stop.abort();
  await running;
  expect(clock.sleeping).toBe(0);
});

const fresh = (over: Parameters<typeof anInstance>[0] = {}): ProbeSubject['instance'] =>
  anInstance({ startedAtMs: clock.nowMs(), ...over });
const told = (): string[] => changes.map(({ kind, verdict }) => `${kind}=${verdict}`);

describe(ProbeManager, () => {
  it('probes readiness at once and then every period', async () => {
    prober.answer('failure', 'success');
    manager.set(aSubject({ probes: { readiness: aProbe() }, instance: fresh()! }));
    expect(manager.verdict('c1', 'readiness')).toBe('failure');
    await clock.advance(100);
    expect(prober.attempts).toEqual([
      { kind: 'tcp', hostname: '10.0.0.7', port: 80, timeoutMs: 1000 },
    ]);
    expect(told()).toEqual([]);
    await clock.advance(9800);
    expect(prober.attempts).toHaveLength(1);
    await clock.advance(200);
    expect(told()).toEqual(['readiness=success']);
    expect(manager.verdict('c1', 'readiness')).toBe('success');
    await clock.advance(100_000);
    expect(prober.attempts).toHaveLength(12);
    expect(told()).toHaveLength(1);
  });

  it('reports liveness once after three failures, and holds until there is a new instance', async () => {
    prober.answer({ result: 'failure', detail: 'refused' });
    const spec = aProbe({ terminationGraceSeconds: 7 });
    manager.set(aSubject({ probes: { liveness: spec }, instance: fresh()! }));
    expect(manager.verdict('c1', 'liveness')).toBe('success');
    await clock.advance(29_900);
    expect(changes).toEqual([]);
    await clock.advance(100_000);
    expect(changes).toEqual([
      {
        key: 'pod/app',
        instanceId: 'c1',
        kind: 'liveness',
        verdict: 'failure',
        spec,
        detail: 'refused',
      },
    ]);
    expect(prober.attempts).toHaveLength(3);
    const exited = anInstance({ state: 'exited' });
    manager.set(aSubject({ probes: { liveness: spec }, instance: exited }));
    prober.answer('success');
    manager.set(aSubject({ probes: { liveness: spec }, instance: fresh({ id: 'c2' })! }));
    expect(manager.verdict('c1', 'liveness')).toBeUndefined();
    expect(manager.verdict('c2', 'liveness')).toBe('success');
    await clock.advance(10_000);
    expect(prober.attempts).toHaveLength(4);
  });

  it('delays liveness and readiness until startup has passed, then probes readiness at once', async () => {
    prober.answer('failure', 'success');
    const probes = { liveness: aProbe(), readiness: aProbe(), startup: aProbe({ periodMs: 2000 }) };
    manager.set(aSubject({ probes, instance: fresh()! }));
    expect(manager.verdict('c1', 'startup')).toBe('unknown');
    await clock.advance(3900);
    expect(reports.map(({ kind }) => kind)).toEqual(['startup']);
    await clock.advance(200);
    expect(told()).toEqual(['startup=success', 'readiness=success']);
    await clock.advance(10_000);
    expect(reports.map(({ kind }) => kind)).toEqual([
      'startup',
      'startup',
      'readiness',
      'liveness',
      'readiness',
    ]);
  });

  it('ignores errors for thresholds after three tries each', async () => {
    prober.answer('error');
    manager.set(
      aSubject({ probes: { liveness: aProbe({ failureThreshold: 1 }) }, instance: fresh()! }),
    );
    await clock.advance(60_000);
    expect(prober.attempts).toHaveLength(18);
    expect(reports).toHaveLength(6);
    expect(reports[0]?.outcome).toEqual({ result: 'error', detail: 'error' });
    expect(changes).toEqual([]);
  });

  it('counts a warning as success', async () => {
    prober.answer('warning');
    manager.set(aSubject({ probes: { readiness: aProbe() }, instance: fresh()! }));
    await clock.advance(100);
    expect(told()).toEqual(['readiness=success']);
  });

  it('drops the result of an attempt on the previous instance', async () => {
    prober.answer('never', 'success');
    const probes = { readiness: aProbe() };
    manager.set(aSubject({ probes, instance: fresh()! }));
    await clock.advance(100);
    manager.set(aSubject({ probes, instance: fresh({ id: 'c2' })! }));
    await clock.advance(100);
    expect(changes.map(({ instanceId, verdict }) => [instanceId, verdict])).toEqual([
      ['c2', 'success'],
    ]);
  });

  it('counts the initial delay of a restarted instance from its own start', async () => {
    const probes = { liveness: aProbe({ initialDelayMs: 20_000, failureThreshold: 1 }) };
    prober.answer('failure');
    manager.set(aSubject({ probes, instance: fresh()! }));
    await clock.advance(20_100);
    expect(told()).toEqual(['liveness=failure']);
    // Stopped and started in one plan: the first instance is never seen to exit.
    manager.set(aSubject({ probes, instance: fresh({ id: 'c2' })! }));
    await clock.advance(19_800);
    expect(prober.attempts).toHaveLength(1);
    expect(manager.verdict('c2', 'liveness')).toBe('success');
    await clock.advance(300);
    expect(prober.attempts).toHaveLength(2);
  });

  it('keeps the reported verdicts of earlier instances, and spreads their first attempts', async () => {
    const before = anInstance({ startedAtMs: clock.nowMs() - 60_000, started: true });
    const probes = { readiness: aProbe(), startup: aProbe() };
    manager.set(aSubject({ probes, instance: before }));
    expect(manager.verdict('c1', 'readiness')).toBeUndefined();
    expect(manager.verdict('c1', 'startup')).toBe('success');
    await clock.advance(4900);
    expect(prober.attempts).toHaveLength(0);
    await clock.advance(200);
    expect(told()).toEqual(['readiness=success']);
  });

  it('rechecks readiness on request, and restarts the period', async () => {
    prober.answer('failure', 'success');
    manager.set(aSubject({ probes: { readiness: aProbe() }, instance: fresh()! }));
    await clock.advance(3000);
    manager.recheck('pod/app');
    await clock.advance(100);
    expect(told()).toEqual(['readiness=success']);
    manager.recheck('pod/app');
    await clock.advance(9000);
    expect(prober.attempts).toHaveLength(2);
    await clock.advance(1000);
    expect(prober.attempts).toHaveLength(3);
  });

  it('ends liveness as a success when stopping begins, even in the middle of an attempt', async () => {
    prober.answer('failure', 'never');
    const probes = { liveness: aProbe({ failureThreshold: 2 }), readiness: aProbe() };
    manager.set(aSubject({ probes, instance: fresh()! }));
    await clock.advance(20_000);
    prober.answer('failure');
    manager.set(aSubject({ probes, phase: 'stopping', instance: fresh()! }));
    await clock.advance(60_000);
    expect(manager.verdict('c1', 'liveness')).toBe('success');
    expect(reports.filter(({ kind }) => kind === 'liveness')).toHaveLength(0);
    expect(reports.some(({ kind }) => kind === 'readiness')).toBe(true);
  });

  it('continues by the monotonic clock when the wall clock jumps', async () => {
    const probes = { readiness: aProbe({ initialDelayMs: 5000 }) };
    manager.set(aSubject({ probes, instance: fresh()! }));
    clock.jumpWall(Date.UTC(2030, 0, 1));
    await clock.advance(4900);
    expect(prober.attempts).toHaveLength(0);
    clock.jumpWall(0);
    await clock.advance(200);
    expect(prober.attempts).toHaveLength(1);
  });

  it('drops removed subjects', async () => {
    manager.set(aSubject({ probes: { readiness: aProbe() }, instance: fresh()! }));
    await clock.advance(100);
    manager.remove('pod/app');
    expect(manager.verdict('c1', 'readiness')).toBeUndefined();
    await clock.advance(60_000);
    expect(prober.attempts).toHaveLength(1);
  });

  it('reports a missing prober for a kind of attempt', async () => {
    stop.abort();
    await running;
    start({ prober: {} });
    const exec = aProbe({ action: { kind: 'exec', command: ['true'] } });
    manager.set(aSubject({ probes: { readiness: exec }, instance: fresh()! }));
    await clock.advance(100);
    expect(reports[0]?.outcome.detail).toBe('no prober for exec probes');
  });
});
