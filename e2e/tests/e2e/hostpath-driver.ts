import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import {
  CLUSTER_ROLE_BINDINGS,
  CLUSTER_ROLES,
  CSI_DRIVERS,
  CSI_NODES,
  isKubeError,
  type KubeObject,
  SERVICE_ACCOUNTS,
  STORAGE_CLASSES,
  type TokenRequest,
} from '@nodeagent/kube-client';
import { type TestProcess, waitFor } from '@nodeagent/testbed';
import { parse, parseAllDocuments } from 'yaml';

import type { Fixture } from './fixture.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const never = new AbortController().signal;

type Manifest = KubeObject & Readonly<Record<string, unknown>>;

async function manifest(file: string, kind: string): Promise<Manifest> {
  const text = await readFile(join(ROOT, 'deploy/csi-hostpath', file), 'utf8');
  const all = parseAllDocuments(text).map((document) => document.toJS() as Manifest);
  const found = all.find((one) => one['kind'] === kind);
  if (found === undefined) throw new Error(`deploy/csi-hostpath/${file} has no ${kind}`);
  return found;
}

/** The host-path driver and its controller as processes on the node. */
export interface HostPathDriver {
  /** The name of the driver, and of its class. */
  readonly name: string;
  readonly stateDir: string;
  readonly controller: TestProcess;
  kill9(): Promise<void>;
  start(): Promise<void>;
  /** Ends the processes and removes all objects of the cluster. */
  remove(): Promise<void>;
}

/**
 * Installs what `deploy/csi-hostpath` describes under names of this test: driver and class, account and
 * rights, and the pod's two programs with the flags and the identity that they have there.
 *
 * @param label part of all names
 * @param attaches true for a driver whose volumes have to be attached to nodes, with the right to do it
 */
export async function installHostPathDriver(
  e2e: Fixture,
  { label, attaches }: { readonly label: string; readonly attaches: boolean },
): Promise<HostPathDriver> {
  const { client, namespace, cluster } = e2e;
  const name = `${label}-${process.pid}.csi.example.com`;
  const dir = join(cluster.space.dir, label);
  const socket = join(cluster.space.dir, `${label}.sock`);
  const registry = join(cluster.space.dir, 'kubelet/root/plugins_registry');
  await waitFor(() => existsSync(registry), { what: 'the directory of plug-ins' });
  const driver = await manifest('driver.yaml', 'CSIDriver');
  const spec = { ...(driver['spec'] as object), attachRequired: attaches };
  await client.create(CSI_DRIVERS, { ...driver, metadata: { name }, spec }, never);
  const storageClass = await manifest('driver.yaml', 'StorageClass');
  const own = { ...storageClass, metadata: { name }, provisioner: name };
  await client.create(STORAGE_CLASSES, own, never);
  const account = `${label}-${namespace}`;
  const kubeconfig = await identity(e2e, account, attaches ? ATTACHER_RULES : []);
  const start = (program: string, argv: readonly string[]) =>
    cluster.space.start(`${label}-${program}`, [process.execPath, programOf(program), ...argv]);
  const startDriver = () =>
    start('csi-hostpath', [
      `--endpoint=${socket}`,
      `--registration=${join(registry, `${label}-reg.sock`)}`,
      `--state-dir=${dir}`,
      `--node-id=${cluster.nodeName}`,
      `--name=${name}`,
    ]);
  let running = await startDriver();
  const controller = await start('csi-controller', [
    `--csi-address=${socket}`,
    `--node=${cluster.nodeName}`,
    `--kubeconfig=${kubeconfig}`,
  ]);
  const isAnnounced = async (): Promise<boolean> => {
    running.assertRunning();
    controller.assertRunning();
    const found = await client.get(CSI_NODES, { name: cluster.nodeName }, never);
    return found.spec.drivers.some((one) => one.name === name);
  };
  await waitFor(isAnnounced, { what: 'the driver to be registered' });
  return {
    name,
    stateDir: dir,
    controller,
    kill9: () => running.kill9(),
    start: async () => {
      running = await startDriver();
    },
    remove: async () => {
      await controller.stop();
      await running.stop();
      await client.delete(STORAGE_CLASSES, { name }, {}, never);
      await client.delete(CSI_DRIVERS, { name }, {}, never);
      const at = { name: account };
      await client.delete(CLUSTER_ROLE_BINDINGS, at, {}, never);
      await client.delete(CLUSTER_ROLES, at, {}, never);
    },
  };
}

function programOf(name: string): string {
  const folder = name === 'csi-hostpath' ? 'csi' : name;
  return join(ROOT, 'packages', folder, 'dist/bin', `${name}.js`);
}

/** Rights beyond the manifest's for drivers that attach. */
const ATTACHER_RULES = [
  {
    apiGroups: ['storage.k8s.io'],
    resources: ['volumeattachments', 'volumeattachments/status'],
    verbs: ['patch'],
  },
];

/**
 * Makes an account with the DaemonSet's rights.
 *
 * @returns the file of its kubeconfig
 */
async function identity(
  { client, namespace, cluster }: Fixture,
  name: string,
  more: readonly object[],
): Promise<string> {
  const role = await manifest('daemonset.yaml', 'ClusterRole');
  const rules = [...(role['rules'] as readonly object[]), ...more];
  await client.create<Manifest>(CLUSTER_ROLES, { ...role, metadata: { name }, rules }, never);
  const binding = await manifest('daemonset.yaml', 'ClusterRoleBinding');
  const own = {
    ...binding,
    metadata: { name },
    roleRef: { ...(binding['roleRef'] as object), name },
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
  };
  await client.create<KubeObject>(CLUSTER_ROLE_BINDINGS, own, never);
  await client.create(SERVICE_ACCOUNTS, { metadata: { name, namespace } }, never);
  const token = (await client.createSubresource(
    { resource: SERVICE_ACCOUNTS, name: { name, namespace }, subresource: 'token' },
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [] } },
    never,
  )) as TokenRequest;
  const admin = parse(await readFile(cluster.kubeconfig, 'utf8')) as {
    users: [{ user: object }];
  };
  admin.users[0].user = { token: token.status?.token };
  const file = join(cluster.space.dir, `${name}.kubeconfig`);
  await writeFile(file, JSON.stringify(admin), { mode: 0o600 });
  return file;
}

/** True once the object is gone. */
export async function isGone(found: Promise<unknown>): Promise<boolean> {
  return found.then(
    () => false,
    (error: unknown) => isKubeError(error, 'KUBE_NOT_FOUND'),
  );
}
