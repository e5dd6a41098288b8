import { isKubeError } from '../model/errors.js';
import type { ConfigMap, Pod } from '../model/generated/api-types.js';
import type { KubeObject } from '../model/objects.js';
import type { Resource } from '../model/resource.js';
import { CONFIG_MAPS, PODS } from '../model/resources/core.js';
import type { KubeClient, WatchOptions } from '../ports.js';

/** The means of a case: a client, and an existing namespace without other writers. */
export interface ContractScene {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly signal: AbortSignal;
}

/** One rule that every client with its server must keep; independent of any test framework. */
export interface ContractCase {
  readonly name: string;
  /** The observed result; must equal `want`. */
  readonly run: (scene: ContractScene) => Promise<unknown>;
  readonly want: unknown;
}

function aMap(namespace: string, name: string, more: Partial<ConfigMap> = {}): ConfigMap {
  const { metadata, ...rest } = more;
  return { metadata: { namespace, name, ...metadata }, data: { a: '1', b: '2' }, ...rest };
}

function aPod(namespace: string, name: string): Pod {
  const containers = [{ name: 'c', image: 'none' }];
  return { metadata: { namespace, name }, spec: { containers, terminationGracePeriodSeconds: 0 } };
}

async function codeOf(action: Promise<unknown>): Promise<string> {
  try {
    await action;
    return 'no error';
  } catch (error) {
    return isKubeError(error) ? error.code : String(error);
  }
}

/** Collects events after a version until there are as many as wanted. */
async function events<T extends KubeObject>(
  { client, signal }: ContractScene,
  resource: Resource<T>,
  { count, ...options }: WatchOptions & { readonly count: number },
): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of client.watch(resource, { timeoutMs: 10_000, ...options }, signal)) {
    if (event.type !== 'bookmark') seen.push(`${event.type} ${event.object.metadata?.name}`);
    if (seen.length === count) break;
  }
  return seen;
}

async function versionOf({ client, namespace, signal }: ContractScene): Promise<string> {
  return (await client.list(CONFIG_MAPS, { namespace, limit: 1 }, signal)).resourceVersion;
}

const writes: readonly ContractCase[] = [
  {
    name: 'creates an object and stamps it',
    run: async ({ client, namespace, signal }) => {
      await client.create(CONFIG_MAPS, aMap(namespace, 'stamped'), signal);
      const got = await client.get(CONFIG_MAPS, { namespace, name: 'stamped' }, signal);
      const { uid = '', resourceVersion = '', creationTimestamp = '' } = got.metadata ?? {};
      const shapes = [/^[-0-9a-f]{36}$/.test(uid), /^\d+$/.test(resourceVersion)];
      return [got.data, ...shapes, /^\d{4}-\d\d-\d\dT[\d:]{8}Z$/.test(creationTimestamp)];
    },
    want: [{ a: '1', b: '2' }, true, true, true],
  },
  {
    name: 'generates a name',
    run: async ({ client, namespace, signal }) => {
      const metadata = { namespace, generateName: 'made-up-' };
      const made = await client.create(CONFIG_MAPS, { metadata }, signal);
      return /^made-up-[a-z0-9]{5}$/.test(made.metadata?.name ?? '');
    },
    want: true,
  },
  {
    name: 'refuses a second creation, and calls on missing objects',
    run: async ({ client, namespace, signal }) => {
      const name = { namespace, name: 'nowhere' };
      await client.create(CONFIG_MAPS, aMap(namespace, 'twice'), signal);
      return [
        await codeOf(client.create(CONFIG_MAPS, aMap(namespace, 'twice'), signal)),
        await codeOf(client.get(CONFIG_MAPS, name, signal)),
        await codeOf(client.patch(CONFIG_MAPS, name, { type: 'merge', body: {} }, signal)),
        await codeOf(client.delete(CONFIG_MAPS, name, {}, signal)),
      ];
    },
    want: ['KUBE_ALREADY_EXISTS', 'KUBE_NOT_FOUND', 'KUBE_NOT_FOUND', 'KUBE_NOT_FOUND'],
  },
  {
    name: 'refuses calls without a name or a namespace before the server is asked',
    run: async ({ client, signal }) => {
      const name = { name: 'somewhere' };
      const patch = { type: 'merge', body: {} } as const;
      return Promise.all(
        [
          client.create(CONFIG_MAPS, { metadata: name }, signal),
          client.get(CONFIG_MAPS, name, signal),
          client.get(CONFIG_MAPS, { namespace: '', ...name }, signal),
          client.get(CONFIG_MAPS, { namespace: 'default', name: '' }, signal),
          client.replace(CONFIG_MAPS, { metadata: name }, {}, signal),
          client.patch(CONFIG_MAPS, name, patch, signal),
          client.delete(CONFIG_MAPS, name, {}, signal),
        ].map(codeOf),
      );
    },
    want: Array<string>(7).fill('KUBE_INVALID'),
  },
  {
    name: 'replaces only the newest version',
    run: async ({ client, namespace, signal }) => {
      const first = await client.create(CONFIG_MAPS, aMap(namespace, 'replaced'), signal);
      const second = await client.replace(CONFIG_MAPS, { ...first, data: { c: '3' } }, {}, signal);
      const late = { ...first, data: { d: '4' } };
      return [second.data, await codeOf(client.replace(CONFIG_MAPS, late, {}, signal))];
    },
    want: [{ c: '3' }, 'KUBE_CONFLICT'],
  },
  {
    name: 'patches by merge and by JSON patch',
    run: async ({ client, namespace, signal }) => {
      const name = { namespace, name: 'patched' };
      await client.create(CONFIG_MAPS, aMap(namespace, 'patched'), signal);
      const body = { data: { a: null, c: '3' } };
      const merged = await client.patch(CONFIG_MAPS, name, { type: 'merge', body }, signal);
      const operations = [
        { op: 'test', path: '/data/b', value: '2' },
        { op: 'move', from: '/data/b', path: '/data/d~1e' },
      ];
      const moved = await client.patch(
        CONFIG_MAPS,
        name,
        { type: 'json', body: operations },
        signal,
      );
      return [merged.data, moved.data];
    },
    want: [
      { b: '2', c: '3' },
      { c: '3', 'd/e': '2' },
    ],
  },
  {
    name: 'sends no event for a write that changes nothing',
    run: async ({ client, namespace, signal }) => {
      const name = { namespace, name: 'unchanged' };
      const before = await client.create(CONFIG_MAPS, aMap(namespace, 'unchanged'), signal);
      const body = { data: { a: '1' } };
      const after = await client.patch(CONFIG_MAPS, name, { type: 'merge', body }, signal);
      return after.metadata?.resourceVersion === before.metadata?.resourceVersion;
    },
    want: true,
  },
  {
    name: 'writes the status separately, and merges conditions by type',
    run: async ({ client, namespace, signal }) => {
      const name = { namespace, name: 'status' };
      await client.create(PODS, aPod(namespace, 'status'), signal);
      const say = async (type: string, status: string): Promise<Pod> => {
        const body = { status: { phase: 'Running', conditions: [{ type, status }] } };
        const patch = { type: 'strategic-merge', body, subresource: 'status' } as const;
        return client.patch(PODS, name, patch, signal);
      };
      await say('Ready', 'False');
      await say('Other', 'True');
      await say('Ready', 'True');
      const body = { metadata: { labels: { x: 'y' } }, status: { phase: 'Failed' } };
      const pod = await client.patch(PODS, name, { type: 'merge', body }, signal);
      const conditions = (pod.status?.conditions ?? []).map(
        ({ type, status }) => `${type} ${status}`,
      );
      await client.delete(PODS, name, { gracePeriodSeconds: 0 }, signal);
      return [pod.status?.phase, conditions, pod.metadata?.labels];
    },
    want: ['Running', ['Ready True', 'Other True'], { x: 'y' }],
  },
];

const removals: readonly ContractCase[] = [
  {
    name: 'deletes only an object with the given uid',
    run: async ({ client, namespace, signal }) => {
      const name = { namespace, name: 'deleted' };
      const { metadata } = await client.create(CONFIG_MAPS, aMap(namespace, 'deleted'), signal);
      const uid = '00000000-0000-4000-8000-ffffffffffff';
      const wrong = await codeOf(client.delete(CONFIG_MAPS, name, { uid }, signal));
      await client.delete(CONFIG_MAPS, name, { uid: metadata?.uid ?? '' }, signal);
      return [wrong, await codeOf(client.get(CONFIG_MAPS, name, signal))];
    },
    want: ['KUBE_CONFLICT', 'KUBE_NOT_FOUND'],
  },
  {
    name: 'keeps an object with a finalizer',
    run: async ({ client, namespace, signal }) => {
      const name = { namespace, name: 'held' };
      const metadata = { finalizers: ['example.com/hold'] };
      await client.create(CONFIG_MAPS, aMap(namespace, 'held', { metadata }), signal);
      await client.delete(CONFIG_MAPS, name, {}, signal);
      const held = await client.get(CONFIG_MAPS, name, signal);
      const body = { metadata: { finalizers: null } };
      await client.patch(CONFIG_MAPS, name, { type: 'merge', body }, signal);
      const marked = held.metadata?.deletionTimestamp !== undefined;
      return [marked, await codeOf(client.get(CONFIG_MAPS, name, signal))];
    },
    want: [true, 'KUBE_NOT_FOUND'],
  },
];

const reads: readonly ContractCase[] = [
  {
    name: 'lists by label, page by page',
    run: async ({ client, namespace, signal }) => {
      for (const name of ['page-3', 'page-1', 'page-2', 'page-0']) {
        const metadata = { labels: { book: name === 'page-0' ? 'other' : 'this' } };
        await client.create(CONFIG_MAPS, aMap(namespace, name, { metadata }), signal);
      }
      const labelSelector = 'book in (this),!absent';
      const names: (string | undefined)[][] = [];
      let continueToken: string | undefined;
      do {
        const from = continueToken === undefined ? {} : { continueToken };
        const options = { namespace, labelSelector, limit: 2, ...from };
        const page = await client.list(CONFIG_MAPS, options, signal);
        names.push(page.items.map(({ metadata }) => metadata?.name));
        continueToken = page.continueToken;
      } while (continueToken !== undefined);
      return names;
    },
    want: [['page-1', 'page-2'], ['page-3']],
  },
  {
    name: 'watches from a version on',
    run: async (scene) => {
      const { client, namespace, signal } = scene;
      const name = { namespace, name: 'watched' };
      await client.create(CONFIG_MAPS, aMap(namespace, 'before'), signal);
      const resourceVersion = await versionOf(scene);
      await client.create(CONFIG_MAPS, aMap(namespace, 'watched'), signal);
      const body = { data: { a: '9' } };
      await client.patch(CONFIG_MAPS, name, { type: 'merge', body }, signal);
      await client.delete(CONFIG_MAPS, name, {}, signal);
      return events(scene, CONFIG_MAPS, { namespace, resourceVersion, count: 3 });
    },
    want: ['added watched', 'modified watched', 'deleted watched'],
  },
  {
    name: 'reports objects that enter and leave a selector',
    run: async (scene) => {
      const { client, namespace, signal } = scene;
      const name = { namespace, name: 'selected' };
      await client.create(CONFIG_MAPS, aMap(namespace, 'selected'), signal);
      const resourceVersion = await versionOf(scene);
      for (const color of ['red', 'blue', 'green']) {
        const body = { metadata: { labels: { color } } };
        await client.patch(CONFIG_MAPS, name, { type: 'merge', body }, signal);
      }
      const labelSelector = 'color in (red, blue)';
      return events(scene, CONFIG_MAPS, { namespace, resourceVersion, labelSelector, count: 3 });
    },
    want: ['added selected', 'modified selected', 'deleted selected'],
  },
  {
    name: 'watches one object by its name',
    run: async (scene) => {
      const { client, namespace, signal } = scene;
      const resourceVersion = await versionOf(scene);
      for (const name of ['others', 'mine']) {
        await client.create(CONFIG_MAPS, aMap(namespace, name), signal);
      }
      const fieldSelector = 'metadata.name=mine';
      return events(scene, CONFIG_MAPS, { namespace, resourceVersion, fieldSelector, count: 1 });
    },
    want: ['added mine'],
  },
];

/**
 * The cases; run each in any test framework on an implementation of {@link KubeClient} and its
 * server.
 */
export const kubeClientContract: readonly ContractCase[] = [...writes, ...removals, ...reads];
