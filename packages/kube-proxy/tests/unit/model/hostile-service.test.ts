import { describe, expect, test } from 'vitest';

import { projectService } from '../../../src/model/service.js';
import { aService } from '../../../src/testing/index.js';

const port = { name: 'p', port: 80, protocol: 'TCP' };

describe('A Service with numbers that no kernel takes', () => {
  test.each([0, -1, 0.5, 86_401, 2 ** 53])(
    'keeps clients for the default time when given %d seconds',
    (timeoutSeconds) => {
      const sessionAffinityConfig = { clientIP: { timeoutSeconds } };
      const spec = { clusterIP: '10.96.0.1', sessionAffinity: 'ClientIP', ports: [port] };
      const { IPv4 } = projectService(aService('ns/web', { ...spec, sessionAffinityConfig }));
      expect(IPv4[0]?.affinitySeconds).toBe(10_800);
    },
  );

  test.each([0.5, -1, 65_536])('has no health check on port %d', (healthCheckNodePort) => {
    const spec = { clusterIP: '10.96.0.1', type: 'LoadBalancer', ports: [port] };
    const service = aService('ns/web', {
      ...spec,
      externalTrafficPolicy: 'Local',
      healthCheckNodePort,
    });
    expect(projectService(service).IPv4[0]?.healthCheckNodePort).toBe(0);
  });
});
