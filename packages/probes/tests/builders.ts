import {
  type ProbedInstance,
  type ProbeSpec,
  type ProbeSubject,
  withDefaults,
} from '../src/index.js';

export function aProbe(over: Partial<ProbeSpec> = {}): ProbeSpec {
  return withDefaults({ action: { kind: 'tcp', port: 80 }, ...over });
}

export function anInstance(over: Partial<ProbedInstance> = {}): ProbedInstance {
  return {
    id: 'c1',
    state: 'running',
    startedAtMs: Date.UTC(2026, 0, 1),
    restartable: true,
    address: '10.0.0.7',
    ...over,
  };
}

export function aSubject(over: Partial<ProbeSubject> = {}): ProbeSubject {
  return { key: 'pod/app', phase: 'running', probes: {}, instance: anInstance(), ...over };
}
