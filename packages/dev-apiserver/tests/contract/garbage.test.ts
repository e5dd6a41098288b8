import { NO_METRICS } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger } from '@nodeagent/base/testing';
import {
  CONFIG_MAPS,
  CUSTOM_RESOURCE_DEFINITIONS,
  isKubeError,
  type KubeObject,
  NAMESPACES,
  resource,
} from '@nodeagent/kube-client';
import type { HttpKubeClient } from '@nodeagent/kube-client/http';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { runControllers } from '../../src/controllers.js';
import { type DevApiServer, startDevApiServer } from '../../src/index.js';
import { WIDGET_DEFINITION } from '../unit/custom/widgets.js';

interface Widget extends KubeObject {
  readonly spec: Readonly<{ size: number }>;
}

const WIDGETS = resource<Widget>({
  group: 'example.com',
  version: 'v1',
  plural: 'widgets',
  kind: 'Widget',
  namespaced: true,
});
const { signal } = new AbortController();
const log = new MemoryLogger();
const stop = new AbortController();
let server: DevApiServer;
let client: HttpKubeClient;
let running: Promise<void>;

beforeAll(async () => {
  server = await startDevApiServer();
  client = await server.client();
  const user = { user: 'system:kube-controller-manager', groups: [] };
  const options = { clock: createSystemClock(), random: Math.random, log, metrics: NO_METRICS };
  running = runControllers(await server.client(user), options, stop.signal);
  await client.create<KubeObject>(CUSTOM_RESOURCE_DEFINITIONS, WIDGET_DEFINITION, signal);
});
afterAll(async () => {
  stop.abort();
  await running;
  await server.stop();
});

/** A config map that a widget owns. */
async function family(name: string) {
  const metadata = { namespace: 'default', name };
  const owner = await client.create(WIDGETS, { metadata, spec: { size: 1 } }, signal);
  const reference = {
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    name,
    uid: owner.metadata?.uid ?? '',
    blockOwnerDeletion: true,
  };
  const child = { metadata: { ...metadata, ownerReferences: [reference] } };
  await client.create(CONFIG_MAPS, child, signal);
  return metadata;
}

async function exists(what: typeof WIDGETS | typeof CONFIG_MAPS, name: string): Promise<boolean> {
  try {
    await client.get<KubeObject>(what, { namespace: 'default', name }, signal);
    return true;
  } catch (error) {
    if (isKubeError(error, 'KUBE_NOT_FOUND')) return false;
    throw error;
  }
}

const POLICIES = ['Background', 'Foreground'] as const;

it.each(POLICIES)('a deleted custom resource takes what it owns with it: %s', async (policy) => {
  const metadata = await family(policy.toLowerCase());
  await client.delete(WIDGETS, metadata, { propagationPolicy: policy }, signal);
  if (policy === 'Foreground') expect(await exists(WIDGETS, metadata.name)).toBe(true);
  await expect.poll(() => exists(CONFIG_MAPS, metadata.name)).toBe(false);
  await expect.poll(() => exists(WIDGETS, metadata.name)).toBe(false);
});

it('a custom resource deleted as an orphan leaves what it owned, without the reference', async () => {
  const metadata = await family('orphan');
  await client.delete(WIDGETS, metadata, { propagationPolicy: 'Orphan' }, signal);
  await expect.poll(() => exists(WIDGETS, metadata.name)).toBe(false);
  const left = await client.get(CONFIG_MAPS, metadata, signal);
  expect(left.metadata?.ownerReferences ?? []).toEqual([]);
});

it('a namespace is emptied of custom resources too', async () => {
  const namespace = 'shop';
  const metadata = { name: namespace };
  await client.create(NAMESPACES, { metadata }, signal);
  await client.create(WIDGETS, { metadata: { namespace, name: 'w' }, spec: { size: 1 } }, signal);
  await client.delete(NAMESPACES, metadata, {}, signal);
  const left = async () => (await client.list(NAMESPACES, {}, signal)).items.map(nameOf);
  await expect.poll(left).not.toContain(namespace);
  expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
});

function nameOf({ metadata }: KubeObject): string {
  return metadata?.name ?? '';
}

it('a client of a user without rights is refused', async () => {
  const guest = await server.client({ user: 'guest', groups: [] });
  await expect(guest.list(CONFIG_MAPS, {}, signal)).rejects.toMatchObject({
    code: 'KUBE_FORBIDDEN',
  });
});
