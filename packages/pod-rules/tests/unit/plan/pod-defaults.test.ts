import type { PodSpec } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { defaultPod, defaultPodSpec, parseImageReference } from '../../../src/index.js';
import { defaultPullPolicy } from '../../../src/plan/image-reference.js';
import { defaultVolume } from '../../../src/plan/volume-defaults.js';

const digest = `sha256:${'a'.repeat(64)}`;

describe(parseImageReference, () => {
  it.each([
    ['busybox', { name: 'busybox', tag: undefined, digest: undefined }],
    ['reg.example:5000/a/b:1', { name: 'reg.example:5000/a/b', tag: '1', digest: undefined }],
    [`a:b@${digest}`, { name: 'a', tag: 'b', digest }],
    ['UPPER', undefined],
    ['', undefined],
  ])('of %s', (text, want) => {
    expect(parseImageReference(text)).toEqual(want);
  });
});

describe(defaultPullPolicy, () => {
  it.each([
    ['busybox', 'Always'],
    ['reg.example:5000/busybox', 'Always'],
    ['busybox:latest', 'Always'],
    [`busybox:latest@${digest}`, 'Always'],
    ['busybox:1', 'IfNotPresent'],
    [`busybox@${digest}`, 'IfNotPresent'],
    ['UPPER:latest', 'IfNotPresent'],
    ['', 'IfNotPresent'],
  ])('of %s is %s', (image, want) => {
    expect(defaultPullPolicy(image)).toBe(want);
  });
});

describe(defaultVolume, () => {
  it.each([
    [{}, { emptyDir: {} }],
    [{ hostPath: { path: '/a' } }, { hostPath: { path: '/a', type: '' } }],
    [{ image: { reference: 'a' } }, { image: { reference: 'a', pullPolicy: 'Always' } }],
    [
      { ephemeral: { volumeClaimTemplate: { spec: {} } } },
      { ephemeral: { volumeClaimTemplate: { spec: { volumeMode: 'Filesystem' } } } },
    ],
    [
      { iscsi: { targetPortal: 'p', iqn: 'i', lun: 0 } },
      { iscsi: { targetPortal: 'p', iqn: 'i', lun: 0, iscsiInterface: 'default' } },
    ],
    [
      { rbd: { monitors: [], image: 'i', user: 'me' } },
      { rbd: { monitors: [], image: 'i', pool: 'rbd', user: 'me', keyring: '/etc/ceph/keyring' } },
    ],
    [
      { azureDisk: { diskName: 'd', diskURI: 'u' } },
      {
        azureDisk: {
          ...{ diskName: 'd', diskURI: 'u', cachingMode: 'ReadWrite', fsType: 'ext4' },
          ...{ readOnly: false, kind: 'Shared' },
        },
      },
    ],
  ])('%j becomes %j', (source, want) => {
    const volume = { name: 'v', ...source };
    defaultVolume(volume);
    expect(volume).toEqual({ name: 'v', ...want });
  });
});

describe(defaultPod, () => {
  const defaulted = (spec: PodSpec): PodSpec => {
    defaultPod(spec);
    return spec;
  };
  const container = { name: 'a', image: 'a' };

  it('opens on the host what is open in a pod of its network, but not in a template', () => {
    const ports = () => [
      { containerPort: 80, hostPort: 0 },
      { containerPort: 81, hostPort: 81 },
    ];
    const spec = () => ({ hostNetwork: true, containers: [{ ...container, ports: ports() }] });
    const hostPorts = ({ containers }: PodSpec) => containers[0]?.ports?.map((p) => p.hostPort);
    expect(hostPorts(defaulted(spec()))).toEqual([80, 81]);
    const template = spec();
    defaultPodSpec(template);
    expect(hostPorts(template)).toEqual([0, 81]);
  });

  it('takes a grace period below zero for a second', () => {
    const spec = { terminationGracePeriodSeconds: -5, containers: [container] };
    expect(defaulted(spec).terminationGracePeriodSeconds).toBe(1);
  });

  const resourcesOf = (resources: object, ...requests: readonly object[]) =>
    defaulted({
      resources,
      containers: requests.map((each) => ({ ...container, resources: each })),
    }).resources;

  it('asks for a pod as a whole what its containers ask for, else what it is limited to', () => {
    const limits = { cpu: '4', memory: '4Gi' };
    expect(
      resourcesOf({ limits }, { requests: { cpu: '100m' } }, { limits: { cpu: '0.5' } }),
    ).toEqual({ limits, requests: { cpu: '600m', memory: '4Gi' } });
  });
  it('keeps what a pod says of itself', () => {
    const own = { limits: { cpu: '4' }, requests: { cpu: '1' } };
    expect(resourcesOf(structuredClone(own), { requests: { cpu: '2' } })).toEqual(own);
  });
  it('adds no requests to a pod that is not limited as a whole', () => {
    expect(resourcesOf({}, { requests: { cpu: '2' } })).toEqual({});
    const requests = { memory: '1Gi' };
    expect(resourcesOf({ requests }, { requests: { cpu: '2' } })).toEqual({ requests });
  });
  it('limits huge pages to those of the containers', () => {
    const huge = { 'hugepages-2Mi': '4Mi' };
    expect(resourcesOf({ requests: { cpu: '1' } }, { limits: huge }, { limits: huge })).toEqual({
      limits: { 'hugepages-2Mi': '8Mi' },
      requests: { cpu: '1', 'hugepages-2Mi': '8Mi' },
    });
  });

  it('counts sidecars beside all that start after them', () => {
    const ask = (cpu: string) => ({ resources: { requests: { cpu } } });
    const spec: PodSpec = {
      resources: { limits: { cpu: '9' } },
      containers: [{ ...container, ...ask('1') }],
      initContainers: [
        { ...container, ...ask('4') },
        { ...container, ...ask('2'), restartPolicy: 'Always' },
        { ...container, ...ask('3') },
      ],
    };
    expect(defaulted(spec).resources?.requests).toEqual({ cpu: '5' });
  });

  it('reads a key of a file, of which it must be there', () => {
    const fileKeyRef = { volumeName: 'v', path: 'p', key: 'k' };
    const env = [{ name: 'E', valueFrom: { fileKeyRef } }];
    const spec = defaulted({ containers: [{ ...container, env }] });
    expect(spec.containers[0]?.env?.[0]?.valueFrom?.fileKeyRef?.optional).toBe(false);
  });
});
