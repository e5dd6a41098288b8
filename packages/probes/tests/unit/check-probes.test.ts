import { ManualClock } from '@nodeagent/base/testing';
import { expect, it } from 'vitest';

import { isProbeError, type ProbeAction, ProbeManager, type ProbeSet } from '../../src/index.js';
import { createScriptedProber } from '../../src/testing/index.js';
import { aProbe, aSubject } from '../builders.js';

function manager() {
  const clock = new ManualClock();
  const sink = { changed: () => undefined };
  return new ProbeManager({ clock, prober: createScriptedProber(), sink, random: () => 0 });
}

it.each([
  [{ readiness: aProbe({ periodMs: 0 }) }, 'readiness.periodMs: 0 is not a number above 0'],
  [{ liveness: aProbe({ timeoutMs: Number.NaN }) }, 'liveness.timeoutMs: NaN'],
  [{ startup: aProbe({ initialDelayMs: -1 }) }, 'startup.initialDelayMs: -1'],
  [{ startup: aProbe({ failureThreshold: 0 }) }, 'startup.failureThreshold: 0'],
  [{ readiness: aProbe({ successThreshold: 1.5 }) }, 'readiness.successThreshold: 1.5'],
  [
    { readiness: aProbe({ action: { kind: 'udp', port: 1 } as unknown as ProbeAction }) },
    'readiness.action.kind: "udp" is not one of http, tcp, grpc, exec',
  ],
  [{ rediness: aProbe() } as ProbeSet, 'rediness: is not one of startup, liveness, readiness'],
])('a subject with a probe that cannot be carried out is refused: %j', (probes, message) => {
  const probing = manager();
  const subject = aSubject({ probes: { readiness: aProbe() } });
  probing.set(subject);
  let found: unknown;
  try {
    probing.set({ ...subject, probes });
  } catch (error) {
    found = error;
  }
  expect(isProbeError(found, 'PROBE_INVALID')).toBe(true);
  expect((found as Error).message).toContain(message);
  expect(probing.verdict('c1', 'readiness')).toBe('failure');
});
