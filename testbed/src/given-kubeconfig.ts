import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import { parse } from 'yaml';

import { runCommand } from './command.ts';
import { TestbedError } from './errors.ts';
import type { Address } from './relay.ts';

/** The fields used here; all others are passed on. */
interface Kubeconfig {
  readonly clusters: readonly Named<'cluster', ClusterEntry>[];
  readonly users: readonly Named<'user', Record<string, unknown>>[];
  readonly contexts: readonly Named<'context', { cluster: string; user: string }>[];
  readonly 'current-context': string;
}

interface ClusterEntry extends Record<string, unknown> {
  readonly server: string;
}

type Named<Key extends string, Value> = Readonly<{ name: string } & Record<Key, Value>>;

/** Fields that name a file, relative to the kubeconfig's own folder. */
const FILE_FIELDS = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile'];

/** Returns the current context's API server. */
export async function serverOf(path: string): Promise<Address> {
  const { server } = pick(await read(path), path).cluster;
  const { hostname, port, protocol } = new URL(server);
  const defaultPort = protocol === 'https:' ? 443 : 80;
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || defaultPort) };
}

/**
 * Returns a kubeconfig with only the current context of the given one. Its server has another
 * address, but must still present a certificate for the original name.
 */
export async function redirectKubeconfig(path: string, { host, port }: Address): Promise<string> {
  const { cluster, user } = pick(await read(path), path);
  const server = new URL(cluster.server);
  const name = server.hostname.replace(/^\[|\]$/g, '');
  server.host = `${host}:${port}`;
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'given', cluster: { 'tls-server-name': name, ...cluster, server: server.href } },
    ],
    users: [{ name: 'given', user }],
    contexts: [{ name: 'given', context: { cluster: 'given', user: 'given' } }],
    'current-context': 'given',
  });
}

/**
 * Returns the PEM certificates of the CA for the given cluster's clients; the API server is such a
 * client when it connects to a kubelet. The cluster publishes this CA; otherwise the CA of the API
 * server is used.
 *
 * @param kubectl the program
 * @returns nothing when neither exists: clients with certificates are then refused
 * @throws {TestbedError} `TESTBED_COMMAND_FAILED` when the API server does not answer
 * @see Kubernetes 1.36 pkg/controlplane/controller/clusterauthenticationtrust
 */
export async function clientAuthority(path: string, kubectl: string): Promise<string | undefined> {
  const { cluster } = pick(await read(path), path);
  const configMap = ['configmap', 'extension-apiserver-authentication', '--ignore-not-found'];
  const field = '--output=jsonpath={.data.client-ca-file}';
  const at = [`--kubeconfig=${path}`, '--namespace=kube-system'];
  const published = await runCommand([kubectl, ...at, 'get', ...configMap, field]);
  if (published.trim() !== '') return published;
  const { 'certificate-authority-data': data, 'certificate-authority': file } = cluster;
  if (typeof data === 'string') return Buffer.from(data, 'base64').toString();
  return typeof file === 'string' ? readFile(file, 'utf8') : undefined;
}

async function read(path: string): Promise<Kubeconfig> {
  try {
    return parse(await readFile(path, 'utf8')) as Kubeconfig;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TestbedError('TESTBED_KUBECONFIG', `KUBECONFIG ${path}: ${why}`, { cause });
  }
}

function pick(config: Kubeconfig, path: string): Picked {
  const context = find(config.contexts, config['current-context'])?.context;
  const cluster = find(config.clusters, context?.cluster)?.cluster;
  const user = find(config.users, context?.user)?.user;
  if (cluster?.server === undefined || user === undefined) {
    const text = `KUBECONFIG ${path}: current-context must name a context with a cluster and a user`;
    throw new TestbedError('TESTBED_KUBECONFIG', text);
  }
  const folder = dirname(resolve(path));
  return { cluster: absolute(cluster, folder), user: absolute(user, folder) };
}

interface Picked {
  readonly cluster: ClusterEntry;
  readonly user: Readonly<Record<string, unknown>>;
}

function find<T extends { readonly name: string }>(
  list: readonly T[] | undefined,
  name: string | undefined,
): T | undefined {
  return list?.find((item) => item.name === name);
}

function absolute<T extends Record<string, unknown>>(entry: T, folder: string): T {
  const resolved = FILE_FIELDS.flatMap((field) => {
    const value = entry[field];
    return typeof value === 'string' ? [[field, resolve(folder, value)]] : [];
  });
  return { ...entry, ...Object.fromEntries(resolved) } as T;
}
