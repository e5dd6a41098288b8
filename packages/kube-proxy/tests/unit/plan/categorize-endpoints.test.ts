import { describe, expect, it } from 'vitest';

import { type Endpoint, LOCAL, READY, SERVING, TERMINATING } from '../../../src/model/endpoint.js';
import { projectService } from '../../../src/model/service.js';
import { categorizeEndpoints } from '../../../src/plan/categorize-endpoints.js';
import { aService } from '../../../src/testing/index.js';

const topology = { nodeName: 'node-a', zone: 'zone-a' };
const ports = [{ port: 80, protocol: 'TCP', nodePort: 30_080 }];
const service = (spec: object) =>
  projectService(aService('ns/svc', { clusterIP: '10.96.0.1', ports, ...spec })).IPv4[0]!;

const open = service({ type: 'NodePort' });
const internalOnly = service({
  internalTrafficPolicy: 'Local',
  ports: [{ port: 80, protocol: 'TCP' }],
});
const internalLocal = service({ type: 'NodePort', internalTrafficPolicy: 'Local' });
const externalLocal = service({ type: 'NodePort', externalTrafficPolicy: 'Local' });

interface Sketch {
  readonly state: number;
  readonly zones?: string[];
  readonly nodes?: string[];
}
const READY_SERVING = READY | SERVING;
const DYING = SERVING | TERMINATING;
const at = ({ state, zones, nodes }: Sketch, index: number): Endpoint => ({
  ip: `10.0.0.${index}`,
  port: 80,
  state,
  hints: zones || nodes ? { zones: zones ?? [], nodes: nodes ?? [] } : undefined,
});

interface Case {
  readonly name: string;
  readonly service: typeof open;
  readonly all: readonly Sketch[];
  /** Indexes into `all`. */
  readonly cluster: readonly number[];
  readonly local?: readonly number[];
  readonly reachable?: readonly number[];
  readonly hasAny?: boolean;
}

const cases: readonly Case[] = [
  { name: 'nothing', service: open, all: [], cluster: [], hasAny: false },
  {
    name: 'only ready endpoints while there are some',
    service: open,
    all: [{ state: READY_SERVING }, { state: DYING }, { state: 0 }],
    cluster: [0],
  },
  {
    name: 'terminating ones that still serve, when there are no ready ones',
    service: open,
    all: [{ state: DYING }, { state: TERMINATING }],
    cluster: [0],
  },
  {
    name: 'never endpoints that are not ready and not terminating',
    service: open,
    all: [{ state: SERVING }],
    cluster: [],
    hasAny: false,
  },
  {
    name: 'endpoints hinted for the zone',
    service: open,
    all: [
      { state: READY_SERVING, zones: ['zone-a'] },
      { state: READY_SERVING, zones: ['zone-b'] },
    ],
    cluster: [0],
  },
  {
    name: 'hints ignored when one ready endpoint has none',
    service: open,
    all: [{ state: READY_SERVING, zones: ['zone-a'] }, { state: READY_SERVING }],
    cluster: [0, 1],
  },
  {
    name: 'hints ignored when none is for our zone',
    service: open,
    all: [
      { state: READY_SERVING, zones: ['zone-b'] },
      { state: READY_SERVING, zones: ['zone-c'] },
    ],
    cluster: [0, 1],
  },
  {
    name: 'hints of endpoints that are not ready do not count',
    service: open,
    all: [{ state: READY_SERVING, zones: ['zone-a'] }, { state: DYING }],
    cluster: [0],
  },
  {
    name: 'same node before same zone',
    service: open,
    all: [
      { state: READY_SERVING, zones: ['zone-a'], nodes: ['node-a'] },
      { state: READY_SERVING, zones: ['zone-a'], nodes: ['node-b'] },
    ],
    cluster: [0],
  },
  {
    name: 'zone when no node hint is for us',
    service: open,
    all: [
      { state: READY_SERVING, zones: ['zone-a'], nodes: ['node-c'] },
      { state: READY_SERVING, zones: ['zone-b'], nodes: ['node-b'] },
    ],
    cluster: [0],
  },
  {
    name: 'internal local: no cluster list is made',
    service: internalOnly,
    all: [{ state: READY_SERVING | LOCAL }, { state: READY_SERVING }],
    cluster: [],
    local: [0],
    reachable: [0],
  },
  {
    name: 'internal local without a local endpoint: others exist',
    service: internalOnly,
    all: [{ state: READY_SERVING }],
    cluster: [],
    local: [],
  },
  {
    name: 'internal local but reachable from outside: both lists',
    service: internalLocal,
    all: [{ state: READY_SERVING | LOCAL }, { state: READY_SERVING }],
    cluster: [0, 1],
    local: [0],
    reachable: [0, 1],
  },
  {
    name: 'external local: a terminating local one beside a ready remote one',
    service: externalLocal,
    all: [{ state: DYING | LOCAL }, { state: READY_SERVING }],
    cluster: [1],
    local: [0],
    reachable: [1, 0],
  },
  {
    name: 'local lists ignore hints',
    service: externalLocal,
    all: [
      { state: READY_SERVING | LOCAL, zones: ['zone-b'] },
      { state: READY_SERVING, zones: ['zone-a'] },
    ],
    cluster: [1],
    local: [0],
    reachable: [1, 0],
  },
];

describe(categorizeEndpoints, () => {
  it.each(cases)('$name', ({ service: port, all: sketches, ...want }) => {
    const all = sketches.map(at);
    const found = categorizeEndpoints(all, port, topology);
    const indices = (list: readonly Endpoint[]) => list.map((one) => all.indexOf(one));
    const { cluster, local = [], reachable = cluster, hasAny = true } = want;
    expect(indices(found.cluster)).toEqual(cluster);
    expect(indices(found.local)).toEqual(local);
    expect(indices(found.reachable)).toEqual(reachable);
    expect(found.hasAny).toBe(hasAny);
  });

  it('makes no second list when all are ready', () => {
    const all = [{ state: READY_SERVING }, { state: READY_SERVING }].map(at);
    expect(categorizeEndpoints(all, open, topology).cluster).toBe(all);
  });
});
