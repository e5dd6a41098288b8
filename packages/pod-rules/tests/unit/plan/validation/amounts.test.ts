import { describe, expect, it } from 'vitest';

import { faults, faultsInside, type Parts } from './pods.js';

describe('resources of a container', () => {
  it.each<[string, Parts, ...string[]]>([
    ['as numbers', { limits: { cpu: 1 } }],
    ['huge pages beside memory', { limits: { 'hugepages-2Mi': '4Mi', memory: '64Mi' } }],
    ['devices', { limits: { 'example.com/gpu': '2' } }],
    [
      'more than its limit',
      { requests: { cpu: '200m', memory: '1Gi' }, limits: { cpu: '100m', memory: '1Gi' } },
      'resources.requests: Invalid value: "200m": must be less than or equal to cpu limit of 100m',
    ],
    [
      'amounts that are none, or below nothing',
      { requests: { cpu: 'many', memory: '-1' } },
      'resources.requests[cpu]: Invalid value: "many": must be a quantity such as 500m, 2 or 1.5Gi',
      'resources.requests[memory]: Invalid value: "-1": must be greater than or equal to 0',
    ],
    [
      'what no container can have',
      { limits: { disk: '1', pods: '1', 'requests.example.com/gpu': '1' } },
      ...['limits', 'requests'].flatMap((kind) => [
        `resources.${kind}[disk]: Invalid value: "disk": must be a standard resource type or fully qualified`,
        `resources.${kind}[pods]: Invalid value: "pods": must be a standard resource for containers`,
        `resources.${kind}[requests.example.com/gpu]: Invalid value: "requests.example.com/gpu": doesn't follow extended resource name standard`,
      ]),
    ],
    [
      'half a device, and devices without a limit',
      { requests: { 'example.com/gpu': '500m' } },
      'resources.requests[example.com/gpu]: Invalid value: "500m": must be an integer',
      'resources.limits: Required value: Limit must be set for non overcommitable resources',
    ],
    [
      'fewer devices than its limit',
      { requests: { 'example.com/gpu': '1' }, limits: { 'example.com/gpu': '2' } },
      'resources.requests: Invalid value: "1": must be equal to example.com/gpu limit of 2',
    ],
    [
      'half a huge page, and nothing beside it',
      { limits: { 'hugepages-2Mi': '1Mi' } },
      'resources.limits[hugepages-2Mi]: Invalid value: "1Mi": 1Mi is not positive integer multiple of hugepages-2Mi',
      'resources.requests[hugepages-2Mi]: Invalid value: "1Mi": 1Mi is not positive integer multiple of hugepages-2Mi',
      'resources: Forbidden: HugePages require cpu or memory',
    ],
    [
      'claims that the pod has not, and one twice',
      { claims: [{ name: 'a' }, { name: 'a' }] },
      'resources.claims[0]: Not found: "a"',
      'resources.claims[1]: Duplicate value: "a"',
      'resources.claims[1]: Not found: "a"',
    ],
  ])('%s', (_, resources, ...expected) => {
    expect(faultsInside({ resources })).toEqual(expected);
  });
});

describe('resources of a pod', () => {
  const pod = (resources: Parts, ...containers: readonly Parts[]): readonly string[] =>
    faults({
      resources,
      containers: containers.map((own, i) => ({ name: `c${i}`, image: 'a', resources: own })),
    });

  it('hold those of its containers together, and each limit', () => {
    const one = { requests: { cpu: '100m' }, limits: { cpu: '300m' } };
    expect(pod({ requests: { cpu: '200m' }, limits: { cpu: '300m' } }, one, one)).toEqual([]);
    expect(pod({ requests: { cpu: '150m' }, limits: { cpu: '200m' } }, one, one)).toEqual([
      'spec.resources.requests[cpu]: Invalid value: "150m": must be greater than or equal to aggregate container requests of 200m',
      'spec.resources.containers[0][cpu].limits: Invalid value: "300m": must be less than or equal to pod limits of 200m',
      'spec.resources.containers[1][cpu].limits: Invalid value: "300m": must be less than or equal to pod limits of 200m',
    ]);
  });

  it('are of few kinds, and no claims', () => {
    expect(pod({ limits: { 'ephemeral-storage': '1Gi' }, claims: [] }, {})).toEqual([
      'spec.resources.claims: Forbidden: claims may not be set for Resources at pod-level',
      'spec.resources.limits[ephemeral-storage]: Unsupported value: "ephemeral-storage": supported values: "cpu", "hugepages-", "memory"',
    ]);
  });

  it('are not for Windows', () => {
    expect(faults({ os: { name: 'windows' }, resources: { limits: { cpu: '1' } } })).toEqual([
      'spec.resources: Forbidden: may not be set for a windows pod',
    ]);
  });

  it('have an overhead beside them', () => {
    expect(faults({ overhead: { cpu: '10m', disk: '1' } })).toEqual([
      'spec.overhead.limits[disk]: Invalid value: "disk": must be a standard resource type or fully qualified',
    ]);
  });
});
