import assert from 'node:assert/strict';

import { type EndpointSlice, type Node, type Service, withoutNulls } from '@nodeagent/kube-client';
import { parseSave, renderRestore } from '@nodeagent/netfilter';
import { encodeNftBatches, nftContentsOf } from '@nodeagent/netfilter/nftables';
import {
  checkReader,
  mapped,
  mutatedTrees,
  type Mutator,
  paired,
  type Path,
} from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import { recordedObjects } from '../../../../vitest.recorded.js';
import { detectNodeIps, projectNode } from '../../src/model/node-info.js';
import { buildView } from '../../src/plan/build-view.js';
import { findServiceProblems, findSliceProblems } from '../../src/plan/find-problems.js';
import { planHealthChecks } from '../../src/plan/health-checks.js';
import { planWholeTables } from '../../src/plan/iptables/whole-tables.js';
import { ForwardingPlanner } from '../../src/plan/ipvs/forwarding.js';
import { planWholeTable } from '../../src/plan/nftables/whole-table.js';
import type { NodeView } from '../../src/plan/node-view.js';
import { baseSettings } from '../golden/examples.js';

/** Members that an API server sets itself and always sends. */
function isAlwaysThere(path: Path): boolean {
  const [first, second] = path;
  return path.length < 2
    ? !['spec', 'status', 'endpoints', 'ports'].includes(String(first))
    : first === 'metadata' && (second === 'name' || second === 'namespace');
}

/** Members that Go writes even when empty. */
function isRequired(path: Path): boolean {
  return ['address', 'addresses', 'key', 'name', 'port', 'targetPort', 'type'].includes(
    String(path.at(-1)),
  );
}

function sent<T>(kind: string): Mutator<T> {
  const trees = mutatedTrees(recordedObjects(kind), {
    kinds: 'typed',
    keep: isAlwaysThere,
    required: isRequired,
  });
  return mapped(trees, (value) => withoutNulls(structuredClone(value)) as T);
}

/** The slice is assigned to the Service, so that they belong together. */
const worlds = mapped(
  paired(sent<Service>('services'), sent<EndpointSlice>('endpointslices')),
  ([service, slice]) => {
    const metadata = {
      ...slice.metadata,
      namespace: service.metadata?.namespace ?? '',
      labels: { 'kubernetes.io/service-name': service.metadata?.name ?? '' },
    };
    return { service, slice: { ...slice, metadata } };
  },
);

function viewsOf({
  service,
  slice,
}: {
  service: Service;
  slice: EndpointSlice;
}): readonly NodeView[] {
  const topology = { nodeName: 'node1', zone: 'a' };
  return (['IPv4', 'IPv6'] as const).map((family) =>
    buildView(
      { services: [service], slices: [slice], serviceCidrs: ['10.96.0.0/12'] },
      family,
      topology,
    ),
  );
}

describe('Any Service with any slice that an API server may send', () => {
  test('becomes a view of ports, addresses and numbers that the kernel takes, and a list of problems', () =>
    checkReader({
      name: 'projectService, projectSlice, buildView',
      inputs: worlds,
      read: (world) => {
        for (const problem of [
          ...Object.values(findServiceProblems(world.service)),
          ...Object.values(findSliceProblems(world.slice)),
        ].flat()) {
          assert.notEqual(problem, null);
        }
        for (const { ports } of viewsOf(world)) {
          planHealthChecks(ports.values());
          for (const { service, all } of ports.values()) {
            for (const port of [
              service.port,
              service.nodePort,
              service.healthCheckNodePort,
              ...all.map(({ port }) => port),
            ]) {
              assert.ok(Number.isInteger(port) && port >= 0 && port <= 65_535, `port ${port}`);
            }
            const { affinitySeconds } = service;
            assert.ok(
              affinitySeconds === undefined ||
                (Number.isInteger(affinitySeconds) &&
                  affinitySeconds > 0 &&
                  affinitySeconds <= 86_400),
              `affinity ${affinitySeconds}`,
            );
          }
        }
      },
      share: 4000,
    }));

  test('becomes iptables rules that can be read back', () =>
    checkReader({
      name: 'planWholeTables',
      inputs: worlds,
      read: (world) => {
        for (const view of viewsOf(world)) {
          const text = [
            ...renderRestore(planWholeTables(view, { ...baseSettings, family: view.family })),
          ].join('');
          assert.ok(
            !/-(?:port|seconds|probability|destination) (?:NaN|undefined|Infinity)/.test(text),
            text,
          );
          parseSave(text);
        }
      },
      share: 3000,
    }));

  test('becomes nftables rules that can be encoded for the kernel', () =>
    checkReader({
      name: 'planWholeTable',
      inputs: worlds,
      read: (world) => {
        for (const view of viewsOf(world)) {
          const isV4 = view.family === 'IPv4';
          const settings = {
            family: view.family,
            masqueradeMark: 0x4000,
            masqueradeAll: false,
            localTraffic: undefined,
            nodeIp: isV4 ? '192.168.0.2' : 'fd00::2',
            nodePortIps: 'all',
          } as const;
          const operations = [...planWholeTable(view, settings)];
          nftContentsOf(operations);
          let bytes = 0;
          for (const batch of encodeNftBatches(operations, {
            table: { family: isV4 ? 'ip' : 'ip6', name: 'kube-proxy' },
            maxBytes: 1 << 20,
          }))
            bytes += batch.bytes.length;
          assert.ok(bytes > 0);
        }
      },
      share: 2000,
    }));

  test('becomes virtual servers that IPVS takes', () =>
    checkReader({
      name: 'ForwardingPlanner',
      inputs: worlds,
      read: (world) => {
        for (const view of viewsOf(world)) {
          const nodeIp = view.family === 'IPv4' ? '192.168.0.2' : 'fd00::2';
          const planner = new ForwardingPlanner({ family: view.family, scheduler: 'rr', nodeIp });
          planner.plan(view, { nodePortIps: [nodeIp], others: new Set([nodeIp]) });
        }
      },
      share: 2000,
    }));
});

describe('Any Node that an API server may send', () => {
  test('becomes addresses, ranges and a zone', () =>
    checkReader({
      name: 'projectNode',
      inputs: sent<Node>('nodes'),
      read: (node) => {
        const { ips, podCidrs, zone, eligible } = projectNode(node);
        assert.ok(ips.length <= 2 && Array.isArray(podCidrs) && typeof eligible === 'boolean');
        assert.ok(['string', 'undefined'].includes(typeof zone));
        detectNodeIps(ips, '0.0.0.0');
      },
    }));
});
