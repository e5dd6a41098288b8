import { describe, expect, it } from 'vitest';

import { faults, type Parts } from './pods.js';

const many = (count: number, text: (i: number) => string): string[] =>
  Array.from({ length: count }, (_, i) => text(i));

describe('names', () => {
  it.each<[string, Parts, ...(string | RegExp)[]]>([
    [
      'all good',
      { hostname: 'a', subdomain: 'b', hostAliases: [{ ip: '::1', hostnames: ['c.d'] }] },
    ],
    [
      'an unknown policy for resolvers',
      { dnsPolicy: 'Cluster' },
      'spec.dnsPolicy: Unsupported value: "Cluster": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
    ],
    [
      'no resolver at all',
      { dnsPolicy: 'None' },
      'spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None',
    ],
    [
      'no resolver but domains',
      { dnsPolicy: 'None', dnsConfig: { searches: ['a'] } },
      'spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None',
    ],
    [
      'too many resolvers, one of them none, and an option without a name',
      { dnsConfig: { nameservers: ['1.1.1.1', '::1', 'x', '1.1.1.2'], options: [{ value: '1' }] } },
      'spec.dnsConfig.nameservers: Invalid value: ["1.1.1.1","::1","x","1.1.1.2"]: must not have more than 3 nameservers',
      'spec.dnsConfig.nameservers[2]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      'spec.dnsConfig.options[0]: Required value: must not be empty',
    ],
    ['domains with underscores and dots', { dnsConfig: { searches: ['.', '_a.b_c.', 'd.'] } }],
    [
      'too many domains',
      { dnsConfig: { searches: many(33, (i) => `a${i}`) } },
      /^spec\.dnsConfig\.searches: .*: must not have more than 32 search paths$/,
    ],
    [
      'too long a line of domains',
      { dnsConfig: { searches: many(32, (i) => `${'a'.repeat(63)}.b${i}`) } },
      /^spec\.dnsConfig\.searches: .*: must not have more than 2048 characters \(including spaces\) in the search list$/,
    ],
    [
      'a domain that is none',
      { dnsConfig: { searches: ['A'] } },
      /^spec\.dnsConfig\.searches\[0\]: /,
    ],
    ['a host name of two parts', { hostname: 'a.b' }, /^spec\.hostname: Invalid value: "a\.b"/],
    [
      'a host name instead of all others, and others',
      { hostnameOverride: 'a', setHostnameAsFQDN: true, hostNetwork: true },
      'spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true',
      'spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true',
    ],
    [
      'a host name that is too long',
      { hostnameOverride: `${'a'.repeat(60)}.bcde` },
      'spec.hostnameOverride: Too long: may not be more than 64 bytes',
    ],
    [
      'aliases that are none',
      { hostAliases: [{ ip: '1.2.3', hostnames: ['A'] }] },
      /^spec\.hostAliases\[0\]\.ip: /,
      /^spec\.hostAliases\[0\]\.hostnames\[0\]: /,
    ],
    [
      'gates and classes that are none',
      { readinessGates: [{ conditionType: 'a b' }], runtimeClassName: '', priorityClassName: 'A' },
      /^spec\.priorityClassName: /,
      /^spec\.runtimeClassName: /,
      /^spec\.readinessGates\[0\]\.conditionType: /,
    ],
  ])('%s', (_, parts, ...expected) => {
    expect(faults(parts)).toEqual(
      expected.map((fault): unknown =>
        typeof fault === 'string' ? fault : expect.stringMatching(fault),
      ),
    );
  });
});

describe('where a pod wants to be', () => {
  const required = 'requiredDuringSchedulingIgnoredDuringExecution';
  const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';

  it.each<[string, Parts, ...(string | RegExp)[]]>([
    ['anywhere', { tolerations: [{ operator: 'Exists' }], nodeSelector: { 'a.b/c': 'd' } }],
    [
      'a label that is none',
      { nodeSelector: { 'a b': 'c d' } },
      /^spec\.nodeSelector: /,
      /^spec\.nodeSelector: /,
    ],
    [
      'tolerations that say nothing, or too much',
      {
        tolerations: [
          {},
          { key: 'a', operator: 'Exists', value: 'b' },
          { key: 'a', operator: 'Gt', value: '1' },
          { key: 'a', effect: 'NoRun', tolerationSeconds: 1 },
        ],
      },
      'spec.tolerations[0].operator: Invalid value: "": operator must be Exists when `key` is empty, which means "match all values and all keys"',
      'spec.tolerations[1].operator: Invalid value: "b": value must be empty when `operator` is \'Exists\'',
      'spec.tolerations[2].operator: Unsupported value: "Gt": supported values: "Equal", "Exists"',
      'spec.tolerations[3].effect: Invalid value: "NoRun": effect must be \'NoExecute\' when `tolerationSeconds` is set',
      'spec.tolerations[3].effect: Unsupported value: "NoRun": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    ],
    [
      'no node',
      { affinity: { nodeAffinity: { [required]: { nodeSelectorTerms: [] } } } },
      `spec.affinity.nodeAffinity.${required}.nodeSelectorTerms: Required value: must have at least one node selector term`,
    ],
    [
      'nodes by terms that make no sense',
      {
        affinity: {
          nodeAffinity: {
            [preferred]: [
              {
                weight: 0,
                preference: {
                  matchExpressions: [
                    { key: 'a', operator: 'In' },
                    { key: 'a', operator: 'Exists', values: ['b'] },
                    { key: 'a', operator: 'Gt', values: [] },
                    { key: 'a', operator: 'Like', values: ['b'] },
                  ],
                  matchFields: [{ key: 'spec.x', operator: 'Exists' }],
                },
              },
            ],
          },
        },
      },
      ...[
        'weight: Invalid value: 0: must be in the range 1-100',
        "preference.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
        "preference.matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        "preference.matchExpressions[2].values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt'",
        'preference.matchExpressions[3].operator: Invalid value: "Like": not a valid selector operator',
        'preference.matchFields[0].operator: Invalid value: "Exists": not a valid selector operator',
        'preference.matchFields[0].key: Invalid value: "spec.x": not a valid field selector key',
      ].map((fault) => `spec.affinity.nodeAffinity.${preferred}[0].${fault}`),
    ],
    [
      'beside pods, but nowhere in particular',
      {
        affinity: {
          podAntiAffinity: { [required]: [{ labelSelector: { matchLabels: { 'a b': '' } } }] },
        },
      },
      /labelSelector\.matchLabels: /,
      /\[0\]\.topologyKey: Required value: can not be empty/,
      /\[0\]\.topologyKey: Invalid value: "": name part must be non-empty$/,
      /\[0\]\.topologyKey: Invalid value: "": name part must consist/,
    ],
    [
      'spread in ways that make no sense',
      {
        topologySpreadConstraints: [
          { maxSkew: 0, topologyKey: 'a', whenUnsatisfiable: 'Cry' },
          { maxSkew: 1, topologyKey: 'b', whenUnsatisfiable: 'ScheduleAnyway', minDomains: 1 },
          {
            maxSkew: 1,
            topologyKey: 'b',
            whenUnsatisfiable: 'ScheduleAnyway',
            nodeTaintsPolicy: 'No',
          },
        ],
      },
      'spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than 0',
      'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "Cry": supported values: "DoNotSchedule", "ScheduleAnyway"',
      'spec.topologySpreadConstraints[1].minDomains: Invalid value: 1: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway',
      'spec.topologySpreadConstraints[2].{topologyKey, whenUnsatisfiable}: Duplicate value: "{b, ScheduleAnyway}"',
      'spec.topologySpreadConstraints[2].nodeTaintsPolicy: Unsupported value: "No": supported values: "Honor", "Ignore"',
    ],
  ])('%s', (_, parts, ...expected) => {
    expect(faults(parts)).toEqual(
      expected.map((fault): unknown =>
        typeof fault === 'string' ? fault : expect.stringMatching(fault),
      ),
    );
  });
});
