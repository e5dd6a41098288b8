import { CONFIG_MAPS, type KubeObject, resource } from '@nodeagent/kube-client';
import { expect, it } from 'vitest';

import { createTestCluster } from '../../src/test-cluster.js';
import { WIDGET_DEFINITION } from './custom/widgets.js';

const { signal } = new AbortController();

it('clusters in one process share nothing, not even their definitions', async () => {
  const definitions = [WIDGET_DEFINITION];
  await using one = await createTestCluster({ definitions, controllers: false });
  await using other = await createTestCluster({ controllers: false });
  const metadata = { namespace: 'default', name: 'm' };
  await one.client.create(CONFIG_MAPS, { metadata }, signal);
  const { items } = await other.client.list(CONFIG_MAPS, { namespace: 'default' }, signal);
  expect(items.map((item) => item.metadata?.name)).toEqual(['kube-root-ca.crt']);
  const widgets = resource<KubeObject>({
    group: 'example.com',
    version: 'v1',
    plural: 'widgets',
    kind: 'Widget',
    namespaced: true,
  });
  expect((await one.client.list(widgets, {}, signal)).items).toEqual([]);
  const refused = { code: 'KUBE_NOT_FOUND' };
  await expect(other.client.list(widgets, {}, signal)).rejects.toMatchObject(refused);
  const trusted = [one, other].map(({ server }) => server.caCertificatePem);
  expect(new Set(trusted).size).toBe(2);
});

it('a cluster with a definition that is refused is stopped again', async () => {
  const definitions = [{ metadata: { name: 'x' } }];
  await expect(createTestCluster({ definitions })).rejects.toMatchObject({ code: 'KUBE_INVALID' });
});
