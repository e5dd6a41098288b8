import type { Pod } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { containerConfig, sandboxConfig } from '../../../src/runtime/index.js';

const settings = {
  cpuCfsQuota: true,
  cpuPeriodUs: 100_000,
  memoryCapacityBytes: 8 * 2 ** 30,
  unified: {},
  seccompDefault: false,
  seccompDir: '/var/lib/kubelet/seccomp',
  clusterDomain: 'cluster.local',
};

const FULL: Pod = {
  metadata: {
    name: 'full',
    namespace: 'shop',
    uid: 'u1',
    labels: { app: 'x', 'io.kubernetes.pod.name': 'overridden' },
    annotations: { note: 'kept' },
    deletionGracePeriodSeconds: 7,
  },
  spec: {
    shareProcessNamespace: true,
    terminationGracePeriodSeconds: 20,
    securityContext: {
      runAsUser: 1000,
      runAsGroup: 2000,
      fsGroup: 3000,
      supplementalGroups: [4000],
      sysctls: [{ name: 'net/ipv4.conf', value: '1' }],
      seccompProfile: { type: 'RuntimeDefault' },
    },
    initContainers: [{ name: 'setup', image: 'i', resources: { limits: { cpu: '3' } } }],
    containers: [
      {
        name: 'c',
        image: 'nginx:1.25',
        command: ['run', '$(MODE)'],
        args: ['$$(MODE)'],
        workingDir: '/w',
        tty: true,
        ports: [
          { containerPort: 80, hostPort: 8080, protocol: 'TCP' },
          { containerPort: 80, hostPort: 8080, protocol: 'TCP' },
          { name: 'dns', containerPort: 53, protocol: 'UDP' },
        ],
        resources: {
          requests: { cpu: '100m', memory: '1Gi' },
          limits: { cpu: '2', memory: '2Gi' },
        },
        lifecycle: { preStop: { exec: { command: ['true'] } } },
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        securityContext: {
          runAsUser: 0,
          privileged: true,
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
          appArmorProfile: { type: 'Unconfined' },
        },
      },
    ],
  },
};

const PLAIN: Pod = {
  metadata: { name: 'plain', namespace: 'default', uid: 'u2' },
  spec: {
    hostNetwork: true,
    hostPID: true,
    hostIPC: true,
    containers: [{ name: 'c', image: 'i' }],
  },
};

const golden = (name: string): string => `./${name}.json`;
const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

describe('CRI requests', () => {
  it.each([
    ['full', FULL],
    ['plain', PLAIN],
  ] as const)('of a %s pod', async (name, pod) => {
    const dns = { servers: ['10.0.0.10'], searches: [], options: [] };
    const input = {
      pod,
      attempt: 1,
      logDirectory: '/var/log/pods/p',
      dns,
      cgroupParent: '/kubepods/podu',
    };
    await expect(json(sandboxConfig(input, settings))).toMatchFileSnapshot(
      golden(`${name}-sandbox`),
    );
    const container = pod.spec?.containers[0] ?? { name: '' };
    const request = {
      pod,
      container,
      restartCount: 2,
      image: { ref: 'sha256:1', username: 'www' },
      env: [{ name: 'MODE', value: 'fast' }],
      mounts: [{ containerPath: '/data', hostPath: '/h' }],
    };
    const config = containerConfig(request, settings);
    await expect(json(config)).toMatchFileSnapshot(golden(`${name}-container`));
  });

  it('has the groups that the pod’s volumes need, each once', () => {
    const [container] = FULL.spec!.containers;
    const request = {
      ...{ pod: FULL, container: container!, restartCount: 0, env: [], mounts: [] },
      image: { ref: 'sha256:1', username: 'www' },
      volumeGroups: [4000, 5000],
    };
    const config = containerConfig(request, settings);
    const input = {
      pod: FULL,
      attempt: 0,
      logDirectory: '/l',
      dns: {},
      volumeGroups: [4000, 5000],
    };
    const sandbox = sandboxConfig(input, settings);
    for (const { linux } of [config, sandbox]) {
      expect(linux?.securityContext?.supplementalGroups).toEqual([3000, 4000, 5000]);
    }
  });

  const nonRoot: readonly (readonly [
    string,
    { uid?: number; username?: string },
    RegExp | undefined,
  ])[] = [
    ['an image of root', { uid: 0 }, /image will run as root/],
    ['an image of a named user', { username: 'www' }, /non-numeric user \(www\)/],
    ['an image that tells nothing', {}, /image will run as root/],
    ['an image of another user', { uid: 101 }, undefined],
  ];
  it.each(nonRoot)('runAsNonRoot with %s', (_, user, refused) => {
    const container = { name: 'c', image: 'i', securityContext: { runAsNonRoot: true } };
    const pod: Pod = { metadata: { name: 'p', uid: 'u' }, spec: { containers: [container] } };
    const build = () =>
      containerConfig(
        { pod, container, restartCount: 0, image: { ref: 'r', ...user }, env: [], mounts: [] },
        settings,
      );
    if (refused === undefined) expect(build().linux?.securityContext?.runAsUser).toBe(101);
    else expect(build).toThrow(refused);
  });
});
