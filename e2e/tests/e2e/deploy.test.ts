import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import {
  CLUSTER_ROLE_BINDINGS,
  CONFIG_MAPS,
  EVENTS,
  type KubeObject,
  SERVICE_ACCOUNTS,
  type TokenRequest,
} from '@nodeagent/kube-client';
import { type TestProcess, waitFor } from '@nodeagent/testbed';
import { afterAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';

import { isReady, useCluster } from './fixture.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const e2e = useCluster();
const never = new AbortController().signal;

type Manifest = KubeObject & Readonly<Record<string, unknown>>;

async function manifests(): Promise<(kind: string) => Manifest> {
  const text = await readFile(join(ROOT, 'deploy/kube-proxy/daemonset.yaml'), 'utf8');
  const all = parseAllDocuments(text).map((document) => document.toJS() as Manifest);
  return (kind) => {
    const found = all.find((one) => one['kind'] === kind);
    if (found === undefined) throw new Error(`deploy/kube-proxy/daemonset.yaml has no ${kind}`);
    return found;
  };
}

/**
 * Sets up the environment of the DaemonSet's pod for a process on the node: the account and the
 * rights of the manifest, under names of this test, and its configuration with paths of this
 * machine.
 */
async function installProxy(dir: string): Promise<{ readonly config: string }> {
  const { client, namespace, cluster } = e2e;
  const of = await manifests();
  const name = of('ServiceAccount').metadata?.name ?? '';
  await client.create(SERVICE_ACCOUNTS, { metadata: { name, namespace } }, never);
  const subjects = of('ClusterRoleBinding')['subjects'] as readonly object[];
  const binding = {
    ...of('ClusterRoleBinding'),
    metadata: { name: `nodeagent-${namespace}` },
    subjects: subjects.map((subject) => ({ ...subject, namespace })),
  };
  await client.create<KubeObject>(CLUSTER_ROLE_BINDINGS, binding, never);
  const token = (await client.createSubresource(
    { resource: SERVICE_ACCOUNTS, name: { name, namespace }, subresource: 'token' },
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [] } },
    never,
  )) as TokenRequest;
  const ca = await waitFor(
    () => client.get(CONFIG_MAPS, { namespace, name: 'kube-root-ca.crt' }, never),
    { what: 'the root CA for pods' },
  );
  const { data = {} } = of('ConfigMap') as { data?: Record<string, string> };
  const admin = parse(await readFile(cluster.kubeconfig, 'utf8')) as {
    clusters: [{ cluster: Record<string, string> }];
  };
  const { server = '', 'tls-server-name': serverName } = admin.clusters[0].cluster;
  const account = '/var/run/secrets/kubernetes.io/serviceaccount';
  const kubeconfig = parse(
    (data['kubeconfig.conf'] ?? '')
      .replaceAll(account, dir)
      .replace('https://API-SERVER:6443', server),
  ) as typeof admin;
  if (serverName) kubeconfig.clusters[0].cluster['tls-server-name'] = serverName;
  const config = parse(
    (data['config.conf'] ?? '').replaceAll('/var/lib/kube-proxy', dir),
  ) as object;
  // These kernel settings apply to the whole machine.
  const conntrack = { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s' };
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'ca.crt'), ca.data?.['ca.crt'] ?? '');
  await writeFile(join(dir, 'token'), token.status?.token ?? '');
  await writeFile(join(dir, 'kubeconfig.conf'), JSON.stringify(kubeconfig));
  await writeFile(
    join(dir, 'config.conf'),
    JSON.stringify({ ...config, conntrack: { ...conntrack, tcpCloseWaitTimeout: '0s' } }),
  );
  return { config: join(dir, 'config.conf') };
}

describe('deploy/kube-proxy', () => {
  let proxy: TestProcess | undefined;
  afterAll(async () => {
    await proxy?.stop();
    const name = `nodeagent-${e2e.namespace}`;
    await e2e.client.delete(CLUSTER_ROLE_BINDINGS, { name }, {}, never);
  });

  it('gives kube-proxy the rights that it needs', async () => {
    const { cluster } = e2e;
    const beginnings = (count: number) => async () => {
      const fieldSelector = `involvedObject.name=${cluster.nodeName},source=kube-proxy`;
      const { items } = await e2e.client.list(EVENTS, { fieldSelector }, never);
      return items.length === count;
    };
    await waitFor(beginnings(1), { what: 'the testbed’s own proxy to have reported its start' });
    await e2e.createPod({ name: 'web', labels: { app: 'web' }, container: {} });
    await e2e.waitForPod('web', 'to be ready', isReady);
    await cluster.proxy.stop();
    const { config } = await installProxy(join(cluster.space.dir, 'deploy'));
    const program = join(ROOT, 'dist/bin/kube-proxy');
    const argv = [program, `--config=${config}`, `--hostname-override=${cluster.nodeName}`];
    proxy = await cluster.space.start('deployed-proxy', argv, { NODEAGENT_NODE: process.execPath });
    const service = await e2e.createService('web', 8080);
    const answers = async () => {
      proxy?.assertRunning();
      return (await cluster.get(`http://${service.spec?.clusterIP}/`)) === 'web\n';
    };
    await waitFor(answers, { what: 'the Service to answer' });
    await waitFor(beginnings(2), { what: 'this one to have reported it too' });
    expect(await readFile(proxy.logFile, 'utf8')).not.toMatch(/forbidden/i);
  });
});
