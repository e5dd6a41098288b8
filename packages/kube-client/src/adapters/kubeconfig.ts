import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

import { isDeeperThan } from '@nodeagent/base';
import { parse, Parser, YAMLParseError } from 'yaml';

import { Problems } from '../codec/fields.js';
import {
  type Kubeconfig,
  mergeKubeconfigs,
  parseKubeconfig,
  resolveConnection,
  withTokenFiles,
} from '../codec/kubeconfig.js';
import type { Connection, Material } from '../model/connection.js';
import { KubeError } from '../model/errors.js';

/** The source of the kubeconfig; without any, that of kubectl. */
export interface KubeconfigOptions {
  /** The file to read; when absent, the files that `$KUBECONFIG` lists, or `~/.kube/config`. */
  readonly path?: string;
  /**
   * The content of a kubeconfig, e.g. from a secret; no file is then read. Relative paths in it start
   * at the working directory.
   */
  readonly text?: string;
  /** Name of a context; the current one when absent. */
  readonly context?: string;
  /** Replaces the cluster's server. */
  readonly server?: string;
  /** The environment; the process's own when absent. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const IN_CLUSTER = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * Reads kubeconfig files, or the text of one, as `kubectl` does. Checks every file that the chosen
 * context names.
 *
 * @throws {KubeError} `KUBE_CONFIG` with all problems, each with its file and field
 * @example
 * ```typescript
 * import { NODES } from '@nodeagent/kube-client';
 * import { createKubeClient } from '@nodeagent/kube-client/http';
 * import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';
 *
 * const client = createKubeClient(await loadKubeconfig({ context: 'staging' }));
 * const { items } = await client.list(NODES, {}, AbortSignal.timeout(10_000));
 * for (const { metadata } of items) console.log(metadata?.name);
 * client.close();
 * ```
 */
export async function loadKubeconfig(options: KubeconfigOptions = {}): Promise<Connection> {
  const { context, server } = options;
  const { configs, source } = await readConfigs(options);
  const choice = {
    ...(context === undefined ? {} : { context }),
    ...(server === undefined ? {} : { server }),
  };
  const connection = resolveConnection(mergeKubeconfigs(configs), source, choice);
  await checkFiles(connection);
  return connection;
}

/** The part of client-node's `KubeConfig` that {@link connectionFromClientNode} uses. */
export interface ClientNodeKubeConfig {
  /** Returns the content of a kubeconfig as JSON. */
  exportConfig(): string;
}

/**
 * Returns the connection of the current context of a `KubeConfig` of `@kubernetes/client-node`, for
 * programs that have one already. Files that it names are read again when they change, those of a
 * pod's service account (`loadFromCluster()`) too. Authenticators that the program added to it are
 * left out.
 *
 * @throws {KubeError} `KUBE_CONFIG` with all problems, e.g. `auth-provider`, which is not supported
 */
export async function connectionFromClientNode(
  kubeConfig: ClientNodeKubeConfig,
): Promise<Connection> {
  const file = 'of @kubernetes/client-node';
  const config = parseKubeconfig({
    file,
    content: withTokenFiles(JSON.parse(kubeConfig.exportConfig())),
  });
  const connection = resolveConnection(config, `kubeconfig ${file}`);
  await checkFiles(connection);
  return connection;
}

async function readConfigs({
  path,
  text,
  env = process.env,
}: KubeconfigOptions): Promise<{ configs: readonly Kubeconfig[]; source: string }> {
  if (text !== undefined) return { configs: [parseText(TEXT, text)], source: `kubeconfig ${TEXT}` };
  const listed = (env['KUBECONFIG'] ?? '').split(delimiter).filter((entry) => entry !== '');
  const files = path !== undefined ? [path] : listed.length > 0 ? listed : [defaultFile(env)];
  const configs: Kubeconfig[] = [];
  for (const file of files) {
    const config = await readKubeconfig(resolve(file), files.length > 1);
    if (config !== undefined) configs.push(config);
  }
  const source = `kubeconfig ${files.map((file) => resolve(file)).join(delimiter)}`;
  if (configs.length === 0) throw new KubeError('KUBE_CONFIG', `${source}: there is no such file`);
  return { configs, source };
}

/** Takes the place of a file's name; its folder is the working directory. */
const TEXT = 'given as text';

/**
 * Returns the connection that a pod has to the API server: the address from the environment, token
 * and CA from the service account's volume. Both files are read again when they change.
 *
 * @throws {KubeError} `KUBE_CONFIG` outside of a pod, or in a pod without a service account
 */
export async function loadInCluster(
  env: Readonly<Record<string, string | undefined>> = process.env,
  folder = IN_CLUSTER,
): Promise<Connection> {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'];
  const source = 'the in-cluster configuration';
  if (!host || !port) {
    const problem = 'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be set';
    throw new KubeError('KUBE_CONFIG', `${source}: ${problem}; is this a pod?`);
  }
  const connection: Connection = {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    source,
    ca: { kind: 'file', path: join(folder, 'ca.crt') },
    user: { token: { kind: 'file', path: join(folder, 'token') } },
  };
  await checkFiles(connection);
  const namespace = await readFile(join(folder, 'namespace'), 'utf8').catch(() => 'default');
  return { ...connection, namespace: namespace.trim() };
}

function defaultFile(env: Readonly<Record<string, string | undefined>>): string {
  return join(env['HOME'] ?? homedir(), '.kube', 'config');
}

async function readKubeconfig(file: string, mayMiss: boolean): Promise<Kubeconfig | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ENOENT' && mayMiss) return undefined;
    const why = code === 'ENOENT' ? 'there is no such file' : reasonOf(cause);
    throw new KubeError('KUBE_CONFIG', `kubeconfig ${file}: ${why}`, { cause });
  }
  return parseText(file, text);
}

function parseText(file: string, text: string): Kubeconfig {
  let content: unknown;
  try {
    if (isDeeperThan([...new Parser().parse(text)], MOST_STEPS)) throw new Error(TOO_DEEP);
    content = parse(text);
  } catch (cause) {
    const why = cause instanceof YAMLParseError ? firstLine(cause.message) : reasonOf(cause);
    throw new KubeError('KUBE_CONFIG', `kubeconfig ${file}: not YAML: ${why}`, { cause });
  }
  return parseKubeconfig({ file, content });
}

/**
 * Limit in syntax tokens: three for each level of nesting. The YAML library recurses: on some
 * releases of Node.js a few thousand levels end the process with an error that cannot be caught.
 */
const MOST_STEPS = 300;
const TOO_DEEP = 'it is nested more than 100 levels deep';

/** Checks that all files of a connection exist now, so that a typing error shows at the start. */
async function checkFiles({ ca, user, source }: Connection): Promise<void> {
  const problems = new Problems(source);
  const check = async (material: Material | undefined, field: string, marker: string) => {
    if (material?.kind !== 'file') return;
    try {
      const text = await readFile(material.path, 'utf8');
      if (!text.includes(marker)) problems.add(field, `${material.path} holds no PEM text`);
      if (text.trim() === '') problems.add(field, `${material.path} is empty`);
    } catch (error) {
      problems.add(field, reasonOf(error));
    }
  };
  await check(ca, 'certificate-authority', '-----BEGIN ');
  await check(user.clientCertificate?.certificate, 'client-certificate', '-----BEGIN ');
  await check(user.clientCertificate?.key, 'client-key', '-----BEGIN ');
  await check(user.token, 'tokenFile', '');
  problems.throwIfAny();
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}
