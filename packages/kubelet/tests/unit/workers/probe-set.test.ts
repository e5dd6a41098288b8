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
