import { createSystemClock } from '@nodeagent/base/system';
import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { type Node, type Pod, type Service, SERVICES } from '@nodeagent/kube-client';
import { createKubeClient, type HttpKubeClient } from '@nodeagent/kube-client/http';
import { createMemoryKubeClient } from '@nodeagent/kube-client/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';

import {
  type RecordedApi,
  recordedWatch,
  startRecordedApi,
} from '../../../../../vitest.recorded.js';
import { watchServices } from '../../../src/assembly/run/services.js';
import { createObjectWatches } from '../../../src/credentials/run/index.js';
import { OwnNode } from '../../../src/node/run/index.js';
import { podName, podUid } from '../../../src/pod/index.js';
import { serviceVariables } from '../../../src/runtime/plan/service-variables.js';
import { runtimeHandlerOf } from '../../../src/runtime/run/runtime-handler.js';
import { createApiSource } from '../../../src/sources/run/index.js';
import { aPod, MemoryPodEvents } from '../../../src/testing/index.js';

let api: RecordedApi;
let client: HttpKubeClient;
let stop: AbortController;
let log: MemoryLogger;
const clock = createSystemClock();
const random = (): number => 0;

beforeEach(async () => {
  api = await startRecordedApi();
  client = createKubeClient({ server: api.url, source: 'recorded', user: {} });
  stop = new AbortController();
  log = new MemoryLogger();
});
afterEach(() => {
  stop.abort();
  client.close();
  api.close();
});

it('adds and removes every pod that a real API server binds to the node', async () => {
  const events = new MemoryPodEvents();
  const pods = new Map<string, Pod>();
  const seen = new Set<string>();
  let isListed = false;
  const sink = {
    replace: () => (isListed = true),
    upsert: (key: string, pod: Pod) => {
      pods.set(key, pod);
      seen.add(podName(pod));
    },
    remove: (key: string) => void pods.delete(key),
  };
  const ready = async (): Promise<void> => undefined;
  const source = createApiSource({ client, nodeName: 'node1', clock, random, log, events, ready });
  void source.run(sink, stop.signal);
  await expect.poll(() => isListed).toBe(true);
  const bound = recordedWatch('pods').flatMap(({ object: { spec, metadata } }) =>
    spec?.['nodeName'] === 'node1' ? [metadata.name] : [],
  );
  while (api.next('pods') !== undefined);
  await expect.poll(() => [...seen].sort()).toEqual([...new Set(bound)].sort());
  await expect.poll(() => pods.size).toBe(0);
  expect(events.lines).toEqual([]);
  expect(log.lines).toEqual([]);
});

it('reads config maps and secrets of a recorded pod unchanged, and follows their changes', async () => {
  const changed: string[] = [];
  const onChange = (uid: string): void => void changed.push(uid);
  const objects = createObjectWatches({ client, clock, random, log, onChange }, stop.signal);
  const pod = aPod({
    metadata: { namespace: 'shop' },
    volumes: [
      { name: 'a', configMap: { name: 'settings' } },
      { name: 'b', secret: { secretName: 'password' } },
      { name: 'c', configMap: { name: 'empty' } },
    ],
  });
  objects.follow(pod);
  const { signal } = stop;
  expect(await objects.configMap('shop', 'settings', signal)).toBeUndefined();
  expect(await objects.secret('shop', 'password', signal)).toBeUndefined();
  expect(await objects.configMap('shop', 'empty', signal)).toBeUndefined();
  for (let i = 0; i < 2; i += 1) api.next('configmaps');
  api.next('secrets');
  await expect.poll(() => changed.length).toBe(3);
  expect(new Set(changed)).toEqual(new Set([podUid(pod)]));
  const settings = await objects.configMap('shop', 'settings', signal);
  expect(settings?.data).toEqual({ colour: 'blue', 'app.ini': '[a]\nb = 1\n' });
  expect(settings?.binaryData).toEqual({ blob: 'AAEC/w==' });
  const empty = await objects.configMap('shop', 'empty', signal);
  expect([empty?.metadata?.name, empty?.data]).toEqual(['empty', undefined]);
  const secret = await objects.secret('shop', 'password', signal);
  expect(secret).toMatchObject({ type: 'Opaque', data: { user: 'cm9vdA==', pass: 'czNjcj10' } });
  expect(log.lines).toEqual([]);
});

it('follows the Node object of a real API server', async () => {
  const nodes: Node[] = [];
  const onChange = (node: Node): void => void nodes.push(node);
  const own = new OwnNode({ client, nodeName: 'node1', clock, random, log, onChange });
  void own.run(stop.signal);
  await own.known(stop.signal);
  while (api.next('nodes') !== undefined);
  const versions = recordedWatch('nodes').flatMap(({ type, object: { metadata } }) =>
    type === 'BOOKMARK' || metadata.name !== 'node1' ? [] : [metadata.resourceVersion],
  );
  await expect.poll(() => nodes.at(-1)?.metadata?.resourceVersion).toBe(versions.at(-1));
  expect(own.registered()?.status?.nodeInfo?.operatingSystem).toBe('linux');
  expect(log.lines).toEqual([]);
});

it('follows the Services of a real API server, for the variables of containers', async () => {
  const adapters = { clock, random, log, metrics: new MemoryMetrics() };
  const services = watchServices(client, adapters);
  void services.run(stop.signal);
  await expect.poll(() => services.current()).toEqual([]);
  const events = recordedWatch('services');
  const made = events.filter(({ type }) => type === 'ADDED');
  for (const { type } of events.slice(0, made.length)) {
    expect(type).toBe('ADDED');
    api.next('services');
  }
  const names = () => services.current()?.map(({ metadata }) => metadata?.name);
  await expect.poll(names).toEqual(['web', 'nobody', 'bare', 'balanced', 'outside']);
  const variables = serviceVariables(services.current() ?? [], 'shop', true);
  const hosts = [...variables].filter(([name]) => name.endsWith('_SERVICE_HOST'));
  expect(Object.fromEntries(hosts)).toEqual({
    WEB_SERVICE_HOST: '10.97.34.81',
    NOBODY_SERVICE_HOST: '10.97.168.57',
    BARE_SERVICE_HOST: '10.97.178.208',
    BALANCED_SERVICE_HOST: '10.96.48.187',
  });
  while (api.next('services') !== undefined);
  await expect.poll(names).toEqual([]);
  expect(log.lines).toEqual([]);
});

it('keeps the variables of other Services when the ports of one are malformed', async () => {
  const [, spoilt, good] = recordedWatch('services').map(({ object }) => object);
  const port = { ...spoilt, spec: { ...spoilt?.spec, ports: [{ protocol: 7 }] } };
  const memory = createMemoryKubeClient({ clock: new ManualClock() });
  for (const object of [port, good]) memory.seed(SERVICES, object as unknown as Service);
  const services = watchServices(memory, { clock, random, log });
  void services.run(stop.signal);
  const names = () => services.current()?.map(({ metadata }) => metadata?.name);
  await expect.poll(names).toEqual(['bare']);
  expect(log.lines).toMatchObject([
    { level: 'error', fields: { kind: 'Service', name: 'nobody' } },
  ]);
});

it('reads the handler of a runtime class from a real API server, and refuses a deleted class', async () => {
  const pod = aPod({ runtimeClassName: 'plain' });
  const gone = { message: 'runtimeclass.node.k8s.io "plain" not found' };
  await expect(runtimeHandlerOf(pod, client, stop.signal)).rejects.toMatchObject(gone);
  expect(api.next('runtimeclasses')?.type).toBe('ADDED');
  expect(await runtimeHandlerOf(pod, client, stop.signal)).toBe('runc');
  expect(api.next('runtimeclasses')?.type).toBe('DELETED');
  await expect(runtimeHandlerOf(pod, client, stop.signal)).rejects.toMatchObject(gone);
});
