import { describe, expect, it } from 'vitest';

import { probeSetOf } from '../../../src/workers/plan/probe-set.js';

describe('exec probe', () => {
  it('expands literal values in env, and no values from elsewhere', () => {
    const container = {
      name: 'c',
      env: [
        { name: 'PORT', value: '80' },
        { name: 'URL', value: 'http://$(PORT)' },
        { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
      ],
      readinessProbe: {
        exec: { command: ['check', '$(PORT)', '$(URL)', '[$(NODE)]', '$(NONE)', '$$(PORT)'] },
      },
    };
    expect(probeSetOf(container).readiness?.action).toEqual({
      kind: 'exec',
      command: ['check', '80', 'http://$(PORT)', '[]', '$(NONE)', '$(PORT)'],
    });
  });
});

describe('numbers of a probe', () => {
  it('have their defaults where they are 0, as in Kubernetes', () => {
    const tcpSocket = { port: 80 };
    const zero = { periodSeconds: 0, timeoutSeconds: 0, successThreshold: 0, failureThreshold: 0 };
    const probes = (probe: object) => probeSetOf({ name: 'c', readinessProbe: probe });
    expect(probes({ tcpSocket, ...zero })).toEqual(probes({ tcpSocket }));
  });
});
