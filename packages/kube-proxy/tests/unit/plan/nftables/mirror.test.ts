import { nftContentsOf, nftDataText, type NftOperation } from '@nodeagent/netfilter/nftables';
import { describe, expect, it } from 'vitest';

import { NftMirror } from '../../../../src/plan/nftables/mirror.js';
import type { NftSettings } from '../../../../src/plan/nftables/settings.js';
import { keepSlots } from '../../../../src/plan/nftables/slots.js';
import { planFoundation } from '../../../../src/plan/nftables/whole-table.js';
import { aCluster, aService, aSlice } from '../../../../src/testing/builders.js';

const settings: NftSettings = {
  family: 'IPv4',
  masqueradeMark: 0x4000,
  masqueradeAll: false,
  localTraffic: undefined,
  nodeIp: '192.168.0.2',
  nodePortIps: 'all',
};
const http = { name: 'http', port: 80, protocol: 'TCP' } as const;

function viewOf(ips: readonly string[], spec: object = {}) {
  const service = aService('ns/web', { clusterIP: '10.96.0.1', ports: [http], ...spec });
  const { builder } = aCluster([service, aSlice('ns/web', [{ ...http, port: 8080 }], ips)], {
    family: 'IPv4',
  });
  builder.update();
  const view = [...builder.view.ports.values()][0];
  if (view === undefined) throw new Error('no port');
  return { view, whole: builder.view };
}

const ips = (n: number): string[] => Array.from({ length: n }, (_, i) => `10.244.0.${10 + i}`);

/** Counts the elements that an update adds and removes. */
function countElements(operations: readonly NftOperation[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const operation of operations) {
    if (operation.op !== 'add-elements' && operation.op !== 'delete-elements') continue;
    const key = `${operation.op.split('-')[0]} ${operation.set.name}`;
    counts[key] = (counts[key] ?? 0) + [...operation.elements].length;
  }
  return counts;
}

describe(NftMirror, () => {
  it('replaces one element when one endpoint of many is replaced', () => {
    const mirror = new NftMirror(settings);
    mirror.change('web', viewOf(ips(50)).view);
    const replaced = ['10.244.9.9', ...ips(50).slice(1)];
    expect(countElements(mirror.change('web', viewOf(replaced).view))).toEqual({
      'delete endpoints': 1,
      'add endpoints': 1,
    });
  });

  it('moves at most one element when one endpoint leaves', () => {
    const mirror = new NftMirror(settings);
    mirror.change('web', viewOf(ips(50)).view);
    const left = ips(50).filter((_, i) => i !== 7);
    const counts = countElements(mirror.change('web', viewOf(left).view));
    expect(counts).toEqual({
      // the last one takes the free number, and its own number is removed
      'delete endpoints': 2,
      'add endpoints': 1,
      'delete service-ips': 1,
      'add service-ips': 1,
    });
  });

  it('does nothing for an unchanged port', () => {
    const mirror = new NftMirror(settings);
    mirror.change('web', viewOf(ips(3)).view);
    expect(mirror.change('web', viewOf(ips(3)).view)).toEqual([]);
  });

  it('removes everything that it added', () => {
    const mirror = new NftMirror(settings);
    const spec = {
      type: 'NodePort',
      ports: [{ ...http, nodePort: 30_080 }],
      externalIPs: ['1.2.3.4'],
    };
    const { view, whole } = viewOf(ips(3), spec);
    const foundation = [...planFoundation(settings, whole)];
    const operations = [...foundation, ...mirror.change('web', view)];
    expect(nftContentsOf(operations).sets.get('endpoints')?.elements.size).toBe(6);
    const after = nftContentsOf([...operations, ...mirror.change('web', undefined)]);
    for (const { elements } of after.sets.values()) expect(elements.size).toBe(0);
  });

  it('keeps shared elements until the last port that needs them leaves', () => {
    const mirror = new NftMirror(settings);
    mirror.change('a', viewOf(ips(1)).view);
    const other = viewOf(ips(1), { ports: [{ ...http, port: 443 }] }).view;
    expect(countElements(mirror.change('b', other))['add cluster-ips']).toBeUndefined();
    expect(countElements(mirror.change('a', undefined))['delete cluster-ips']).toBeUndefined();
    expect(countElements(mirror.change('b', undefined))['delete cluster-ips']).toBe(1);
  });

  it('gives an address and port to the first port that asks, and to the next when it is free', () => {
    const mirror = new NftMirror(settings);
    const { view } = viewOf(ips(1));
    mirror.change('first', view);
    expect(countElements(mirror.change('second', view))).toEqual({});
    expect(mirror.denied('second', view)).toEqual([['10.96.0.1 TCP 80', 'first']]);
    mirror.change('first', undefined);
    expect(mirror.takeReleased()).toEqual(['second']);
    expect(countElements(mirror.change('second', view))['add service-ips']).toBe(1);
    expect(mirror.denied('second', view)).toEqual([]);
  });

  it('takes over elements that the kernel has already', () => {
    const found = new Map([
      [
        'endpoints',
        new Map([
          ['10.96.0.1 . tcp . 80 . 0', '10.244.0.10 . 8080'],
          ['x', 'y'],
        ]),
      ],
      ['service-ips', new Map([['10.96.0.1 . tcp . 80', 'goto any-7']])],
    ]);
    const mirror = new NftMirror(settings, found);
    const counts = countElements(mirror.change('web', viewOf(ips(1)).view));
    expect(counts).toEqual({
      'delete service-ips': 1,
      'add service-ips': 1,
      'add cluster-ips': 1,
    });
    expect([...(found.get('endpoints')?.keys() ?? [])]).toEqual(['x']);
  });

  it('keeps the clients of endpoints that stay, with affinity', () => {
    const mirror = new NftMirror(settings);
    const sticky = { sessionAffinity: 'ClientIP' };
    mirror.change('web', viewOf(ips(2), sticky).view);
    const operations = mirror.change('web', viewOf(ips(1), sticky).view);
    const gone = operations.flatMap((one) => (one.op === 'delete-set' ? [one.set] : []));
    expect(gone).toHaveLength(1);
    expect(gone[0]).toContain('ns/web/tcp/http__10.244.0.11/8080');
    expect([...mirror.staleChains]).toEqual([gone[0]?.replace('affinity', 'endpoint')]);
  });
});

describe(keepSlots, () => {
  const list = (text: string) =>
    Array.from(text, (ip) => ({ ip, port: 1, state: 0, hints: undefined }));
  it.each([
    { before: '', now: 'abc', want: 'abc' },
    { before: 'abc', now: 'abc', want: 'abc' },
    { before: 'abc', now: 'xbc', want: 'xbc' },
    { before: 'bac', now: 'abc', want: 'bac' },
    { before: 'abc', now: 'bc', want: 'cb' },
    { before: 'ab', now: 'abcd', want: 'abcd' },
    { before: 'abcd', now: '', want: '' },
  ])('$before → $now is $want', ({ before, now, want }) => {
    expect(
      keepSlots(list(before), list(now))
        .map(({ ip }) => ip)
        .join(''),
    ).toBe(want);
  });
});

it('values are compared as text', () => {
  expect(nftDataText(['10.0.0.1', 80])).toBe('10.0.0.1 . 80');
});
