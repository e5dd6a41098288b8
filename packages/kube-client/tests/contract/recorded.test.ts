import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger } from '@nodeagent/base/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';

import {
  type RecordedApi,
  recordedList,
  recordedWatch,
  startRecordedApi,
} from '../../../../vitest.recorded.js';
import { createKubeClient, type HttpKubeClient } from '../../src/http.js';
import type { KubeObject } from '../../src/model/objects.js';
import type { Resource } from '../../src/model/resource.js';
import { DEPLOYMENTS } from '../../src/model/resources/apps.js';
import { LEASES } from '../../src/model/resources/coordination.js';
import {
  CONFIG_MAPS,
  EVENTS,
  NAMESPACES,
  NODES,
  PODS,
  SECRETS,
  SERVICES,
} from '../../src/model/resources/core.js';
import { ENDPOINT_SLICES } from '../../src/model/resources/discovery.js';
import { RUNTIME_CLASSES } from '../../src/model/resources/node.js';
import { objectKey } from '../../src/plan/object-name.js';
import { runReflector } from '../../src/run/reflector.js';
import { Store } from '../../src/run/store.js';

let api: RecordedApi;
let client: HttpKubeClient;
const stop = new AbortController();

beforeAll(async () => {
  api = await startRecordedApi();
  client = createKubeClient({ server: api.url, source: 'recorded', user: {} });
});
afterAll(() => {
  stop.abort();
  client.close();
  api.close();
});

/** Paths of nulls that a reader would see. */
function nullsIn(value: unknown, path = ''): string[] {
  if (value === null) return [path];
  if (typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, member]) =>
    name === 'managedFields' ? [] : nullsIn(member, `${path}.${name}`),
  );
}

const KINDS: readonly Resource<KubeObject>[] = [
  CONFIG_MAPS,
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  EVENTS,
  LEASES,
  NAMESPACES,
  NODES,
  PODS,
  RUNTIME_CLASSES,
  SECRETS,
  SERVICES,
];

it.each(KINDS)("follows a real API server's recorded $plural without a null", async (resource) => {
  const log = new MemoryLogger();
  const nulls: string[] = [];
  const errors: Error[] = [];
  let told = 0;
  const store = new Store<string>(() => (told += 1));
  void runReflector(
    client,
    {
      resource,
      project: (object) => {
        nulls.push(...nullsIn(object));
        return object.metadata?.resourceVersion;
      },
      ...{ sink: store, log, clock: createSystemClock(), random: () => 0 },
      onError: (error) => errors.push(error),
    },
    stop.signal,
  );
  const { items } = recordedList(resource.plural);
  const want = new Map(
    items.map(({ metadata }) => [objectKey({ metadata }), metadata.resourceVersion]),
  );
  const changes = recordedWatch(resource.plural).filter(({ type }) => type !== 'BOOKMARK');
  for (const { type, object } of changes) {
    const key = objectKey({ metadata: object.metadata });
    if (type === 'DELETED') want.delete(key);
    else want.set(key, object.metadata.resourceVersion);
  }
  while (api.next(resource.plural) !== undefined);
  await expect.poll(() => told).toBe(items.length + changes.length);
  expect(Object.fromEntries(store.items)).toEqual(Object.fromEntries(want));
  expect({ nulls, errors, lines: log.lines }).toEqual({ nulls: [], errors: [], lines: [] });
});
