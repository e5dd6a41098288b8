import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import {
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  NAMESPACES,
  NODES,
  PODS,
  REPLICA_SETS,
  runReflector,
  SERVICES,
  Store,
} from '@nodeagent/kube-client';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { runControllers } from '../../src/controllers.js';
import { type Connected, startAndConnect } from './connect.js';

const stop = new AbortController();
const { signal } = stop;
const log = new MemoryLogger();
let connected: Connected;
let running: Promise<unknown>;

/** Does at once what a kubelet would do with the pods of its node. */
async function actAsKubelet(): Promise<void> {
  const { client } = connected;
  let ips = 0;
  const sink = new Store<undefined>();
  await runReflector(
    client,
    {
      resource: PODS,
      log,
      selectors: { fieldSelector: 'spec.nodeName=n1' },
      project: ({ metadata, status }) => {
        const { namespace = '', name = '' } = metadata ?? {};
        const at = { namespace, name };
        if (metadata?.deletionTimestamp !== undefined) {
          void client.delete(PODS, at, { gracePeriodSeconds: 0 }, signal).catch(() => undefined);
        } else if (status?.phase === 'Pending') {
          const conditions = [{ type: 'Ready', status: 'True' }];
          const body = { status: { phase: 'Running', podIP: `10.0.0.${(ips += 1)}`, conditions } };
          const patch = { type: 'strategic-merge', body, subresource: 'status' } as const;
          void client.patch(PODS, at, patch, signal).catch(() => undefined);
        }
        return undefined;
      },
      sink,
      clock: createSystemClock(),
      random: Math.random,
    },
    signal,
  );
}

beforeAll(async () => {
  connected = await startAndConnect();
  const { client, rootCaPem } = connected;
  const options = { clock: createSystemClock(), random: Math.random, log, rootCaPem };
  const controllers = runControllers(client, { ...options, metrics: new MemoryMetrics() }, signal);
  running = Promise.all([controllers, actAsKubelet()]);
});
afterAll(async () => {
  stop.abort();
  await running;
  await connected.close();
});

it('runs a deployment behind a Service, rolls it out, and deletes it, on the real server', async () => {
  const { client } = connected;
  const list = async <T>(resource: Parameters<typeof client.list<T>>[0]) =>
    (await client.list(resource, { namespace: 'shop' }, signal)).items;
  const status = { allocatable: { cpu: '4', memory: '8Gi', pods: '110' } };
  await client.create(NODES, { metadata: { name: 'n1' } }, signal);
  const ready = [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2026-01-01T00:00:00Z' }];
  const body = { status: { ...status, conditions: ready } };
  await client.patch(NODES, { name: 'n1' }, { type: 'merge', body, subresource: 'status' }, signal);
  await client.create(NAMESPACES, { metadata: { name: 'shop' } }, signal);
  const template = (image: string) => ({
    metadata: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'web', image, ports: [{ name: 'http', containerPort: 8080 }] }] },
  });
  const selector = { matchLabels: { app: 'web' } };
  const metadata = { namespace: 'shop', name: 'web' };
  const create = () =>
    client.create(
      DEPLOYMENTS,
      { metadata, spec: { replicas: 3, selector, template: template('v1') } },
      signal,
    );
  await expect
    .poll(() =>
      create()
        .then(() => true)
        .catch((e: unknown) => (e as Error).message),
    )
    .toBe(true);
  const ports = [{ port: 80, targetPort: 'http' as never }];
  await client.create(
    SERVICES,
    { metadata, spec: { selector: selector.matchLabels, ports } },
    signal,
  );

  const available = async () =>
    (await client.get(DEPLOYMENTS, metadata, signal)).status?.availableReplicas;
  const endpoints = async () =>
    (await list(ENDPOINT_SLICES)).flatMap((slice) =>
      (slice.endpoints ?? []).map(
        ({ conditions }) => `${conditions?.ready} ${slice.ports?.[0]?.port}`,
      ),
    );
  await expect.poll(available).toBe(3);
  await expect.poll(endpoints).toEqual(Array(3).fill('true 8080'));

  const patch = { type: 'merge', body: { spec: { template: template('v2') } } } as const;
  await client.patch(DEPLOYMENTS, metadata, patch, signal);
  const images = async () => (await list(PODS)).map(({ spec }) => spec?.containers[0]?.image);
  await expect.poll(images).toEqual(['v2', 'v2', 'v2']);
  const progress = async () => {
    const { status: now } = await client.get(DEPLOYMENTS, metadata, signal);
    return [
      now?.updatedReplicas,
      now?.observedGeneration,
      now?.conditions?.find(({ type }) => type === 'Progressing')?.reason,
    ];
  };
  await expect.poll(progress).toEqual([3, 2, 'NewReplicaSetAvailable']);

  await client.delete(NAMESPACES, { name: 'shop' }, {}, signal);
  const gone = () =>
    client.get(NAMESPACES, { name: 'shop' }, signal).then(
      () => false,
      () => true,
    );
  await expect.poll(gone).toBe(true);
  expect([...(await list(PODS)), ...(await list(REPLICA_SETS))]).toEqual([]);
  expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
}, 40_000);
