import {
  AppsV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  type KubernetesListObject,
  type KubernetesObject,
  makeInformer,
  type V1ConfigMap,
  V1ObjectMeta,
} from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createTestCluster, type TestCluster } from '../../src/test-cluster.js';
import { WIDGET_DEFINITION } from '../unit/custom/widgets.js';

interface Widget extends KubernetesObject {
  spec?: { size: number; replicas?: number };
  status?: { replicas?: number; phase?: string };
}

const WHERE = { group: 'example.com', version: 'v1', namespace: 'default', plural: 'widgets' };
const FINALIZER = 'example.com/cleanup';

let cluster: TestCluster;
let config: KubeConfig;
let stops: (() => Promise<void>)[];

beforeEach(async () => {
  cluster = await createTestCluster({ definitions: [WIDGET_DEFINITION] });
  config = new KubeConfig();
  config.loadFromString(cluster.kubeconfig);
  stops = [];
});
afterEach(async () => {
  for (const stop of stops) await stop();
  await cluster.stop();
});

/** The library's models are classes; its users send plain objects. */
function plain(value: object): never {
  return value as never;
}

/** An operator as its authors write them: one config map for each widget, and a status. */
async function startOperator(cleaned: string[]): Promise<void> {
  const widgets = config.makeApiClient(CustomObjectsApi);
  const core = config.makeApiClient(CoreV1Api);
  const path = '/apis/example.com/v1/namespaces/default/widgets';
  const list = () =>
    widgets.listNamespacedCustomObject(WHERE) as Promise<KubernetesListObject<Widget>>;
  const informer = makeInformer<Widget>(config, path, list);
  const reconcile = async (widget: Widget): Promise<void> => {
    const {
      name = '',
      uid = '',
      finalizers = [],
      deletionTimestamp,
    } = widget.metadata ?? new V1ObjectMeta();
    if (deletionTimestamp !== undefined) {
      if (!finalizers.includes(FINALIZER)) return;
      cleaned.push(name);
      const body = structuredClone(widget);
      if (body.metadata !== undefined) body.metadata.finalizers = [];
      await widgets.replaceNamespacedCustomObject({ ...WHERE, name, body });
      return;
    }
    if (widget.status?.phase === 'Ready') return;
    const owner = { apiVersion: 'example.com/v1', kind: 'Widget', name, uid, controller: true };
    const body = plain({
      metadata: { name, ownerReferences: [owner] },
      data: { size: String(widget.spec?.size) },
    });
    await core.createNamespacedConfigMap({ namespace: 'default', body });
    const status = { ...widget, status: { phase: 'Ready', replicas: widget.spec?.replicas } };
    await widgets.replaceNamespacedCustomObjectStatus({ ...WHERE, name, body: status });
  };
  const failures: unknown[] = [];
  const later = (widget: Widget): void => {
    reconcile(widget).catch((error: unknown) => failures.push(error));
  };
  informer.on('add', later);
  informer.on('update', later);
  await informer.start();
  stops.push(async () => {
    await informer.stop();
    expect(failures).toEqual([]);
  });
}

describe('@kubernetes/client-node', () => {
  it('its informer sees additions, changes and deletions of built-in objects', async () => {
    const core = config.makeApiClient(CoreV1Api);
    const namespace = 'default';
    const path = '/api/v1/namespaces/default/configmaps';
    const list = () => core.listNamespacedConfigMap({ namespace });
    const informer = makeInformer<V1ConfigMap>(config, path, list);
    const seen: string[] = [];
    for (const event of ['add', 'update', 'delete'] as const) {
      informer.on(event, ({ metadata, data }) => {
        if (metadata?.name === 'm') seen.push(`${event} ${data?.['a']}`);
      });
    }
    await informer.start();
    stops.push(() => informer.stop());
    await core.createNamespacedConfigMap({
      namespace,
      body: plain({ metadata: { name: 'm' }, data: { a: '1' } }),
    });
    await core.replaceNamespacedConfigMap({
      name: 'm',
      namespace,
      body: plain({ metadata: { name: 'm' }, data: { a: '2' } }),
    });
    await core.deleteNamespacedConfigMap({ name: 'm', namespace });
    await expect.poll(() => seen).toEqual(['add 1', 'update 2', 'delete 2']);
    expect(informer.list().map(({ metadata }) => metadata?.name)).toEqual(['kube-root-ca.crt']);
  });

  it('reads and writes deployments with its typed API', async () => {
    const apps = config.makeApiClient(AppsV1Api);
    const template = {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'web:1' }] },
    };
    const spec = { selector: { matchLabels: { app: 'web' } }, template };
    const namespace = 'default';
    await apps.createNamespacedDeployment({
      namespace,
      body: plain({ metadata: { name: 'web' }, spec }),
    });
    const read = await apps.readNamespacedDeployment({ name: 'web', namespace });
    expect(read.metadata?.creationTimestamp).toBeInstanceOf(Date);
    expect(read.spec?.strategy?.rollingUpdate?.maxSurge).toBe('25%');
    const sets = async () =>
      (await apps.listNamespacedReplicaSet({ namespace })).items.map(
        ({ spec: set }) => set?.replicas,
      );
    await expect.poll(sets).toEqual([1]);
  });

  it('runs an operator: watched resource, owned objects, status, finalizer, garbage collection', async () => {
    const cleaned: string[] = [];
    await startOperator(cleaned);
    const widgets = config.makeApiClient(CustomObjectsApi);
    const core = config.makeApiClient(CoreV1Api);
    const metadata = { name: 'w', finalizers: [FINALIZER] };
    const widget = { apiVersion: 'example.com/v1', kind: 'Widget', metadata, spec: { size: 3 } };
    await widgets.createNamespacedCustomObject({ ...WHERE, body: widget });
    const phase = async () =>
      ((await widgets.getNamespacedCustomObject({ ...WHERE, name: 'w' })) as Widget).status;
    await expect.poll(phase).toEqual({ phase: 'Ready', replicas: 1 });
    const maps = async () =>
      (await core.listNamespacedConfigMap({ namespace: 'default' })).items.flatMap(({ data }) =>
        data?.['size'] === undefined ? [] : [data['size']],
      );
    expect(await maps()).toEqual(['3']);
    await widgets.deleteNamespacedCustomObject({ ...WHERE, name: 'w' });
    await expect.poll(maps).toEqual([]);
    expect(cleaned).toEqual(['w']);
  });
});
