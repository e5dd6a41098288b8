import { expect, it } from 'vitest';

import { parseKubeletConfig, renderConfig } from '../../../src/config/index.js';

function parse(value: Record<string, unknown>) {
  const file = { value, directory: '/' };
  return parseKubeletConfig({ file, dropIns: [], flags: {}, source: 'k.yaml' }).config;
}

it('renders a file that parses to the same configuration', () => {
  const config = parse({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    syncFrequency: '90s',
    imageMaximumGCAge: '36h',
    shutdownGracePeriod: '30s',
    evictionHard: { 'memory.available': '5%' },
    crashLoopBackOff: { maxContainerRestartPeriod: '5s' },
    containerLogMaxSize: '10240Ki',
    systemReserved: { cpu: 0.5 },
  });
  const rendered = renderConfig(config);
  expect(rendered).toMatchObject({
    kind: 'KubeletConfiguration',
    syncFrequency: '1m30s',
    crashLoopBackOff: { maxContainerRestartPeriod: '5s' },
    authentication: { webhook: { cacheTTL: '2m0s' } },
    containerLogMaxSize: '10240Ki',
    systemReserved: { cpu: '0.5' },
    evictionHard: { 'memory.available': '5%' },
  });
  expect(parse(rendered)).toEqual(config);
});

it('masks the headers for the static pods’ URL', () => {
  const shown = renderConfig(parse({ staticPodURLHeader: { Authorization: ['Bearer secret'] } }));
  expect(JSON.stringify(shown)).not.toContain('secret');
});
