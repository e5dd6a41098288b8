import assert from 'node:assert/strict';
import { isIP } from 'node:net';

import { type EndpointSlice, type Node, type Service, withoutNulls } from '@nodeagent/kube-client';
import { parseSave, renderRestore } from '@nodeagent/netfilter';
import {
  checkReader,
  mapped,
  mutatedTrees,
  type Mutator,
  type Path,
} from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import { recordedObjects } from '../../../../vitest.recorded.js';
import { canonicalCidr, familyOf, IP_FAMILIES } from '../../src/model/address.js';
import { projectSlice } from '../../src/model/endpoint.js';
import { projectNode } from '../../src/model/node-info.js';
import { projectService } from '../../src/model/service.js';
import { buildView } from '../../src/plan/build-view.js';
import { findServiceProblems, findSliceProblems } from '../../src/plan/find-problems.js';
import { planWholeTables } from '../../src/plan/iptables/whole-tables.js';
import { baseSettings } from '../golden/examples.js';

/** Any JSON value as it comes from a watch, whatever the kinds of its members. */
function anything<T>(kind: string): Mutator<T> {
  const keep = ([first, second]: Path): boolean =>
    first === undefined ||
    (first === 'metadata' && ['name', 'namespace', undefined].includes(second as string));
  const trees = mutatedTrees(recordedObjects(kind), { keep });
  return mapped(trees, (value) => withoutNulls(JSON.parse(text(value))) as T);
}

function text(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return '{}'; // deeper than JSON is written
  }
}

/**
 * True when a projection refuses an object: it has other types, or is too deep for an error
 * message.
 */
const costsTheObject = (error: unknown): boolean =>
  error instanceof TypeError || error instanceof RangeError;

const TEXTS = ['service', 'label', 'portName'] as const;
const NUMBERS = ['port', 'nodePort', 'healthCheckNodePort'] as const;
const TOPOLOGY = { nodeName: 'node1', zone: 'a' };

/** Fails when an object that a projection accepted costs more than the object itself. */
function checkRules(services: readonly Service[], slices: readonly EndpointSlice[]): void {
  try {
    rulesOf(services, slices);
  } catch (cause) {
    throw new Error('The rules cannot be made.', { cause });
  }
}

function rulesOf(services: readonly Service[], slices: readonly EndpointSlice[]): void {
  for (const family of IP_FAMILIES) {
    const view = buildView({ services, slices }, family, TOPOLOGY);
    const rules = [...renderRestore(planWholeTables(view, { ...baseSettings, family }))].join('');
    assert.ok(!/undefined|NaN|\[object/.test(rules), rules);
    parseSave(rules);
  }
}

describe('Any object in the place of another', () => {
  test('is refused as a Service, or becomes ports of the promised types', () =>
    checkReader({
      name: 'projectService',
      inputs: anything<Service>('services'),
      read: (service) => {
        findServiceProblems(service);
        const projected = projectService(service);
        for (const family of IP_FAMILIES) {
          for (const port of projected[family]) {
            for (const field of TEXTS) assert.equal(typeof port[field], 'string', field);
            for (const field of NUMBERS) assert.ok(Number.isInteger(port[field]), field);
            for (const ip of [port.clusterIp, ...port.externalIps, ...port.loadBalancerIps])
              assert.ok(isIP(ip) !== 0 && familyOf(ip) === family, ip);
            for (const cidr of port.sourceRanges) assert.equal(canonicalCidr(cidr), cidr);
          }
        }
        checkRules([service], []);
      },
      refuses: costsTheObject,
      share: 500,
    }));

  test('is refused as a slice, or becomes endpoints of the promised types', () =>
    checkReader({
      name: 'projectSlice',
      inputs: anything<EndpointSlice>('endpointslices'),
      read: (slice) => {
        findSliceProblems(slice);
        const projected = projectSlice(slice, 'node1');
        if (projected === undefined) return;
        const { ips, states, ports, hints, changedAtMs } = projected;
        assert.equal(states.length, ips.length);
        for (const ip of ips) assert.ok(isIP(ip) !== 0 && familyOf(ip) === projected.family, ip);
        for (const { name, port } of ports)
          assert.ok(typeof name === 'string' && Number.isInteger(port), name);
        for (const { zones, nodes } of (hints ?? []).flatMap((each) => each ?? []))
          for (const name of [...zones, ...nodes]) assert.equal(typeof name, 'string');
        assert.ok(changedAtMs === undefined || Number.isFinite(changedAtMs), `${changedAtMs}`);
        checkRules([], [slice]);
      },
      refuses: costsTheObject,
      share: 500,
    }));

  test('is refused as a Node, or becomes addresses, ranges and a zone of the promised types', () =>
    checkReader({
      name: 'projectNode',
      inputs: anything<Node>('nodes'),
      read: (node) => {
        const { ips, podCidrs, zone, eligible } = projectNode(node);
        for (const ip of ips) assert.notEqual(isIP(ip), 0, ip);
        assert.ok(Array.isArray(podCidrs));
        for (const cidr of podCidrs) assert.equal(typeof cidr, 'string');
        assert.ok(zone === undefined || typeof zone === 'string');
        assert.equal(typeof eligible, 'boolean');
      },
      refuses: costsTheObject,
      share: 700,
    }));
});
