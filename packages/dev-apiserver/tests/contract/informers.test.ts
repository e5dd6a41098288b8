import { CoreV1Api, KubeConfig, makeInformer, type V1ConfigMap } from '@kubernetes/client-node';
import { CONFIG_MAPS, NAMESPACES, runReflector, Store } from '@nodeagent/kube-client';
import { createKubeClient, type HttpKubeClient } from '@nodeagent/kube-client/http';
import { connectionFromClientNode } from '@nodeagent/kube-client/kubeconfig';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { type DevApiServer, startDevApiServer } from '../../src/index.js';

const stop = new AbortController();
const kubeConfig = new KubeConfig();
let server: DevApiServer;
let client: HttpKubeClient;

beforeAll(async () => {
  server = await startDevApiServer();
  const admin = { user: 'admin', groups: ['system:masters'] };
  kubeConfig.loadFromString(await server.kubeconfig(admin));
  client = createKubeClient(await connectionFromClientNode(kubeConfig));
});
afterAll(async () => {
  stop.abort();
  client.close();
  await server.stop();
});

it("client-node's informer and our reflector follow the same objects to the same state", async () => {
  const { signal } = stop;
  const namespace = 'followed';
  await client.create(NAMESPACES, { metadata: { name: namespace } }, signal);
  const create = (name: string, colour: string) =>
    client.create(CONFIG_MAPS, { metadata: { namespace, name }, data: { colour } }, signal);
  await create('before', 'red'); // found by the first list
  const api = kubeConfig.makeApiClient(CoreV1Api);
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const informer = makeInformer<V1ConfigMap>(kubeConfig, path, () =>
    api.listNamespacedConfigMap({ namespace }),
  );
  await informer.start();
  const ours = new Store<string>();
  const following = runReflector(
    client,
    { resource: CONFIG_MAPS, project: ({ data }) => data?.['colour'], sink: ours },
    signal,
  );
  await create('changed', 'green');
  await create('removed', 'blue');
  const repaint = { type: 'merge', body: { data: { colour: 'grey' } } } as const;
  await client.patch(CONFIG_MAPS, { namespace, name: 'changed' }, repaint, signal);
  await client.delete(CONFIG_MAPS, { namespace, name: 'removed' }, {}, signal);
  await create('last', 'white');

  const wanted = { before: 'red', changed: 'grey', last: 'white' };
  await expect
    .poll(() =>
      Object.fromEntries(
        informer
          .list(namespace)
          .map(({ metadata, data }): [string, string | undefined] => [
            metadata?.name ?? '',
            data?.['colour'],
          ]),
      ),
    )
    .toEqual(wanted);
  await expect
    .poll(() =>
      Object.fromEntries(
        [...ours.items]
          .filter(([key]) => key.startsWith(`${namespace}/`))
          .map(([key, colour]) => [key.slice(namespace.length + 1), colour]),
      ),
    )
    .toEqual(wanted);
  await informer.stop();
  stop.abort();
  await following;
});
