import { expect, it } from 'vitest';

import { parseKubeletConfig } from '../../../src/config/index.js';

const zeros = (...fields: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(fields.map((field) => [field, '0s']));

/** Fields that kubeadm gives a value. */
const SET = {
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  authentication: {
    anonymous: { enabled: false },
    x509: { clientCAFile: '/etc/kubernetes/pki/ca.crt' },
  },
  cgroupDriver: 'systemd',
  clusterDNS: ['10.96.0.10'],
  clusterDomain: 'cluster.local',
  healthzBindAddress: '127.0.0.1',
  healthzPort: 10248,
  rotateCertificates: true,
  staticPodPath: '/etc/kubernetes/manifests',
};

/**
 * The file that kubeadm writes: Go's zero value in many fields that nobody has set.
 *
 * @see Kubernetes 1.36 cmd/kubeadm/app/componentconfigs/kubelet.go
 */
const KUBEADM = {
  ...SET,
  authentication: { ...SET.authentication, webhook: { cacheTTL: '0s', enabled: true } },
  authorization: {
    mode: 'Webhook',
    webhook: zeros('cacheAuthorizedTTL', 'cacheUnauthorizedTTL'),
  },
  containerRuntimeEndpoint: '',
  crashLoopBackOff: {},
  logging: {
    flushFrequency: 0,
    options: { json: { infoBufferSize: '0' }, text: { infoBufferSize: '0' } },
    verbosity: 0,
  },
  memorySwap: {},
  ...zeros('cpuManagerReconcilePeriod', 'evictionPressureTransitionPeriod', 'fileCheckFrequency'),
  ...zeros('httpCheckFrequency', 'imageMaximumGCAge', 'imageMinimumGCAge', 'runtimeRequestTimeout'),
  ...zeros('nodeStatusReportFrequency', 'nodeStatusUpdateFrequency', 'volumeStatsAggPeriod'),
  ...zeros('shutdownGracePeriod', 'shutdownGracePeriodCriticalPods', 'syncFrequency'),
  ...zeros('streamingConnectionIdleTimeout'),
};

it('the file of kubeadm means what it sets, and the default elsewhere, without a warning', () => {
  const read = (value: object) =>
    parseKubeletConfig({ file: { value: { ...value }, directory: '/var/lib/kubelet' } });
  const { config, warnings } = read(KUBEADM);
  expect(warnings).toEqual([]);
  const { config: wanted } = read(SET);
  expect({ ...config, document: undefined }).toEqual({ ...wanted, document: undefined });
});
