import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { CONFIG_MAPS, KubeError, type Pod, SECRETS } from '@nodeagent/kube-client';
import { createMemoryKubeClient, type MemoryKubeClient } from '@nodeagent/kube-client/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { FollowedObjects } from '../../../src/credentials/index.js';
import { referencedObjects } from '../../../src/credentials/plan/referenced-objects.js';
import { createObjectWatches } from '../../../src/credentials/run/index.js';

let clock: ManualClock;
let api: MemoryKubeClient;
let end: AbortController;
let changed: string[];
let objects: FollowedObjects;
let log: MemoryLogger;
beforeEach(() => {
  clock = new ManualClock();
  api = createMemoryKubeClient({ clock });
  end = new AbortController();
  changed = [];
  const onChange = (uid: string): void => void changed.push(uid);
  log = new MemoryLogger();
  objects = createObjectWatches({ client: api, clock, random: () => 0, log, onChange }, end.signal);
});
afterEach(() => end.abort(new Error('the test is over')));

const podWith = (uid: string, ...names: readonly string[]): Pod => ({
  metadata: { name: uid, namespace: 'ns', uid },
  spec: {
    containers: [{ name: 'c', envFrom: names.map((name) => ({ configMapRef: { name } })) }],
  },
});
const configMap = (name: string, color: string, immutable = false) => ({
  metadata: { name, namespace: 'ns', annotations: { note: 'x' } },
  data: { color },
  ...(immutable && { immutable }),
});
const get = (name = 'a') => objects.configMap('ns', name, end.signal);
const asked = (verb: string): number => api.calls.filter((call) => call.verb === verb).length;
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe(createObjectWatches, () => {
  it('watches once for all pods, and notifies each of a change', async () => {
    api.seed(CONFIG_MAPS, configMap('a', 'blue'));
    objects.follow(podWith('u1', 'a'));
    objects.follow(podWith('u2', 'a'));
    expect(asked('list')).toBe(0);
    expect((await Promise.all([get(), get()])).map((found) => found?.data)).toEqual([
      { color: 'blue' },
      { color: 'blue' },
    ]);
    await settle();
    expect([asked('list'), asked('watch')]).toEqual([1, 1]);
    expect(changed).toEqual([]);
    await api.replace(CONFIG_MAPS, configMap('a', 'red'), {}, end.signal);
    await settle();
    expect(changed).toEqual(['u1', 'u2']);
    expect((await get())?.data).toEqual({ color: 'red' });
    expect(asked('list')).toBe(1);
  });

  it('notifies a waiting pod when its object appears, and when it disappears', async () => {
    objects.follow(podWith('u1', 'a'));
    expect(await get()).toBeUndefined();
    await settle();
    await api.create(CONFIG_MAPS, configMap('a', 'blue'), end.signal);
    await settle();
    expect(changed).toEqual(['u1']);
    expect((await get())?.data).toEqual({ color: 'blue' });
    api.drop(CONFIG_MAPS, { namespace: 'ns', name: 'a' });
    await settle();
    expect(changed).toEqual(['u1', 'u1']);
    expect(await get()).toBeUndefined();
  });

  it('retries for 2 s while the API server does not know the pod’s binding', async () => {
    const refusal = new KubeError('KUBE_FORBIDDEN', 'no relationship found');
    for (let times = 0; times < 3; times += 1) api.failNext({ verb: 'list' }, refusal);
    api.seed(CONFIG_MAPS, configMap('a', 'blue'));
    objects.follow(podWith('u1', 'a'));
    const found = get();
    await settle();
    await clock.advance(1000);
    expect((await found)?.data).toEqual({ color: 'blue' });
    expect(log.lines).toEqual([]);
  });

  it('passes on and logs a refusal that lasts longer', async () => {
    const refusal = new KubeError('KUBE_FORBIDDEN', 'no relationship found');
    for (let times = 0; times < 30; times += 1) api.failNext({ verb: 'list' }, refusal);
    objects.follow(podWith('u1', 'a'));
    const found = get().catch((error: unknown) => error);
    for (let second = 0; second < 5; second += 1) {
      await clock.advance(1000);
      await settle();
    }
    expect(await found).toBe(refusal);
    expect(log.lines.length).toBeGreaterThan(0);
  });

  it('watches an object while a pod refers to it', async () => {
    api.seed(CONFIG_MAPS, configMap('a', 'blue'), configMap('b', 'red'));
    objects.follow(podWith('u1', 'a', 'b'));
    objects.follow(podWith('u2', 'b'));
    await Promise.all([get('a'), get('b')]);
    await settle();
    expect(api.watches).toBe(2);
    objects.follow(podWith('u1', 'b'));
    await settle();
    expect(api.watches).toBe(1);
    objects.release('u1');
    objects.release('u2');
    objects.release('u2');
    await settle();
    expect(api.watches).toBe(0);
  });

  it('ignores later changes of immutable objects, and changes of metadata', async () => {
    api.seed(CONFIG_MAPS, configMap('a', 'blue', true));
    objects.follow(podWith('u1', 'a'));
    expect((await get())?.metadata?.annotations).toBeUndefined();
    await settle();
    expect(api.watches).toBe(0);
    await clock.advance(3_600_000);
    expect((await get())?.data).toEqual({ color: 'blue' });
    expect([asked('list'), asked('get')]).toEqual([1, 0]);
  });

  it('throws the API server’s refusal, and keeps retrying', async () => {
    api.seed(SECRETS, { metadata: { name: 's', namespace: 'ns' }, data: {} });
    const refusal = new KubeError('KUBE_UNAUTHORIZED', 'who are you?');
    api.failNext({ verb: 'list', plural: 'secrets' }, refusal);
    const pod = podWith('u1');
    objects.follow({ ...pod, spec: { ...pod.spec!, imagePullSecrets: [{ name: 's' }] } });
    await expect(objects.secret('ns', 's', end.signal)).rejects.toThrow('who are you?');
    await clock.advance(2000);
    await settle();
    expect(changed).toEqual(['u1']);
    expect(await objects.secret('ns', 's', end.signal)).toBeDefined();
  });

  it('stops waiting for a silent server', async () => {
    objects.follow(podWith('u1', 'a'));
    api.onCall = () => new Promise(() => undefined);
    const answer = expect(get()).rejects.toThrow(
      'failed to sync configmap cache: timed out waiting for the condition',
    );
    await clock.advance(5000);
    await answer;
  });

  it('reads objects of unknown pods on demand', async () => {
    expect(await get('none')).toBeUndefined();
    expect([asked('get'), asked('list')]).toEqual([1, 0]);
  });
});

describe(referencedObjects, () => {
  it('finds every object that a pod refers to', () => {
    const pod: Pod = {
      spec: {
        imagePullSecrets: [{ name: 'pull' }, {}],
        initContainers: [
          { name: 'i', env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'i', key: 'k' } } }] },
        ],
        containers: [
          {
            name: 'c',
            envFrom: [{ configMapRef: { name: 'from' } }, { secretRef: { name: 'sfrom' } }],
            env: [{ name: 'B', valueFrom: { configMapKeyRef: { name: 'key', key: 'k' } } }],
          },
        ],
        volumes: [
          { name: 'v1', configMap: { name: 'vol' } },
          { name: 'v2', secret: { secretName: 'svol' } },
          {
            name: 'v3',
            projected: {
              sources: [{ configMap: { name: 'proj' } }, { secret: { name: 'sproj' } }],
            },
          },
          { name: 'v4', emptyDir: {} },
        ],
      },
    };
    const { configMaps, secrets } = referencedObjects(pod);
    expect([...configMaps]).toEqual(['from', 'key', 'vol', 'proj']);
    expect([...secrets]).toEqual(['i', 'sfrom', 'svol', 'sproj', 'pull']);
  });
});
