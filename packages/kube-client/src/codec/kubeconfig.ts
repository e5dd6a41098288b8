import { Buffer } from 'node:buffer';
import { dirname, isAbsolute, join, normalize } from 'node:path/posix';

import type { Connection, ExecPlugin, Material, UserAuth } from '../model/connection.js';
import { isObject } from './decode-json.js';
import { Field, Problems } from './fields.js';

interface Cluster {
  readonly at: Field;
  readonly connection: Omit<Connection, 'source' | 'user' | 'namespace'>;
}

interface Context {
  readonly at: Field;
  readonly cluster: string;
  readonly user: string | undefined;
  readonly namespace: string | undefined;
}

/** One kubeconfig file, or several merged ones; references by name are not resolved yet. */
export interface Kubeconfig {
  readonly currentContext: string | undefined;
  readonly contexts: ReadonlyMap<string, Context>;
  readonly clusters: ReadonlyMap<string, Cluster>;
  readonly users: ReadonlyMap<string, UserAuth>;
}

export interface KubeconfigDocument {
  /** The file's path, absolute; relative paths in the file are relative to its folder. */
  readonly file: string;
  /** The content as parsed YAML. */
  readonly content: unknown;
}

const EXEC_VERSIONS = [
  'client.authentication.k8s.io/v1',
  'client.authentication.k8s.io/v1beta1',
] as const;

/**
 * Checks and parses one kubeconfig file.
 *
 * @throws {KubeError} `KUBE_CONFIG` that names the file and each invalid field
 * @see Kubernetes 1.36 client-go/tools/clientcmd/api/v1/types.go
 */
export function parseKubeconfig({ file, content }: KubeconfigDocument): Kubeconfig {
  const problems = new Problems(`kubeconfig ${file}`);
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    problems.add('', 'must be a map with clusters, users and contexts');
  }
  const root = new Field(content, problems);
  const kind = root.member('kind').text() ?? 'Config';
  if (kind !== 'Config') root.member('kind').problem(`must be Config, not ${kind}`);
  const folder = dirname(file);
  const parsed: Kubeconfig = {
    currentContext: root.member('current-context').text(),
    clusters: named(root.member('clusters'), 'cluster', (at) => readCluster(at, folder)),
    users: named(root.member('users'), 'user', (at) => readUser(at, folder)),
    contexts: named(root.member('contexts'), 'context', readContext),
  };
  problems.throwIfAny();
  return parsed;
}

/**
 * Merges several files: the first file that defines a name wins.
 *
 * @see Kubernetes 1.36 client-go/tools/clientcmd/loader.go, ClientConfigLoadingRules
 */
export function mergeKubeconfigs(configs: readonly Kubeconfig[]): Kubeconfig {
  const merged = <T>(pick: (config: Kubeconfig) => ReadonlyMap<string, T>): Map<string, T> =>
    new Map(configs.toReversed().flatMap((config) => [...pick(config)]));
  return {
    currentContext: configs
      .map((config) => config.currentContext)
      .find((name) => name !== undefined),
    contexts: merged((config) => config.contexts),
    clusters: merged((config) => config.clusters),
    users: merged((config) => config.users),
  };
}

export interface ConnectionChoice {
  /** The current context when absent. */
  readonly context?: string;
  /** Replaces the cluster's server. */
  readonly server?: string;
}

/**
 * Resolves the connection that a context describes.
 *
 * @param source for messages: `kubeconfig /etc/kubernetes/kubelet.conf`
 * @throws {KubeError} `KUBE_CONFIG`
 */
export function resolveConnection(
  config: Kubeconfig,
  source: string,
  choice: ConnectionChoice = {},
): Connection {
  const problems = new Problems(source);
  const name = choice.context ?? config.currentContext;
  const context = name === undefined ? undefined : config.contexts.get(name);
  const cluster = context && config.clusters.get(context.cluster);
  const user = context?.user === undefined ? {} : config.users.get(context.user);
  if (name === undefined) problems.add('current-context', `is required${oneOf(config.contexts)}`);
  else if (context === undefined) {
    const at = choice.context === undefined ? 'current-context' : '';
    problems.add(at, `there is no context "${name}"${oneOf(config.contexts)}`);
  } else {
    if (cluster === undefined) {
      const at = `${context.at.at}.cluster`;
      problems.add(at, `there is no cluster "${context.cluster}"${oneOf(config.clusters)}`);
    }
    if (user === undefined) {
      problems.add(
        `${context.at.at}.user`,
        `there is no user "${context.user}"${oneOf(config.users)}`,
      );
    }
  }
  const server = withScheme(choice.server ?? cluster?.connection.server, cluster);
  if (cluster !== undefined && server === undefined) {
    problems.add(`${cluster.at.at}.server`, 'is required');
  } else if (server !== undefined && !isHttpUrl(server)) {
    problems.add(`${cluster?.at.at ?? ''}.server`, `"${server}" is not an http or https URL`);
  }
  problems.throwIfAny();
  return {
    ...cluster?.connection,
    server: server ?? '',
    user: user ?? {},
    source: `${source}, context "${name}"`,
    ...(context?.namespace === undefined ? {} : { namespace: context.namespace }),
  };
}

/** Follows Kubernetes' clients: a bare `host:port` means https when TLS is configured. */
function withScheme(server: string | undefined, cluster: Cluster | undefined): string | undefined {
  if (server === undefined || server === '' || server.includes('://')) return server || undefined;
  const { ca, insecureSkipTlsVerify } = cluster?.connection ?? {};
  const isTls = ca !== undefined || insecureSkipTlsVerify === true;
  return `${isTls ? 'https' : 'http'}://${server}`;
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

function oneOf(known: ReadonlyMap<string, unknown>): string {
  return known.size === 0 ? '; none is defined' : `; defined are: ${[...known.keys()].join(', ')}`;
}

function named<T>(list: Field, what: string, read: (at: Field) => T): ReadonlyMap<string, T> {
  const result = new Map<string, T>();
  for (const item of list.items()) {
    const name = item.member('name').requiredText();
    const value = read(item.member(what));
    if (!result.has(name)) result.set(name, value);
  }
  return result;
}

function readCluster(at: Field, folder: string): Cluster {
  const ca = material(at, 'certificate-authority', folder);
  const insecure = at.member('insecure-skip-tls-verify').boolean() === true;
  if (insecure && ca !== undefined) {
    at.member('insecure-skip-tls-verify').problem('must not be true when a CA is given');
  }
  const proxyUrl = at.member('proxy-url').text();
  if (proxyUrl !== undefined && !/^http:\/\//.test(proxyUrl)) {
    at.member('proxy-url').problem('only http:// proxies are supported');
  }
  const tlsServerName = at.member('tls-server-name').text();
  return {
    at,
    connection: {
      server: at.member('server').text() ?? '',
      ...(ca === undefined ? {} : { ca }),
      ...(insecure ? { insecureSkipTlsVerify: true } : {}),
      ...(tlsServerName === undefined ? {} : { tlsServerName }),
      ...(proxyUrl === undefined ? {} : { proxyUrl }),
    },
  };
}

function readContext(at: Field): Context {
  return {
    at,
    cluster: at.member('cluster').requiredText(),
    user: at.member('user').text(),
    namespace: at.member('namespace').text(),
  };
}

function readUser(at: Field, folder: string): UserAuth {
  const certificate = material(at, 'client-certificate', folder);
  const key = material(at, 'client-key', folder);
  if (certificate !== undefined && key === undefined)
    at.member('client-key').problem('is required');
  if (certificate === undefined && key !== undefined) {
    at.member('client-certificate').problem('is required with a client-key');
  }
  const token = readToken(at, folder);
  const basic = readBasic(at);
  const exec = readExec(at.member('exec'), folder);
  const headers = readImpersonation(at);
  if (at.member('auth-provider').present) {
    at.member('auth-provider').problem('is no longer supported: use exec');
  }
  const ways = [
    ...(token === undefined ? [] : ['token']),
    ...(basic === undefined ? [] : ['username']),
    ...(exec === undefined ? [] : ['exec']),
  ];
  if (ways.length > 1) at.problem(`has more than one way to authenticate: ${ways.join(', ')}`);
  return {
    ...(certificate && key ? { clientCertificate: { certificate, key } } : {}),
    ...(token === undefined ? {} : { token }),
    ...(basic === undefined ? {} : { basic }),
    ...(exec === undefined ? {} : { exec }),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
  };
}

/**
 * Keeps a relative folder relative, because only the process knows its working directory. A
 * command's path always keeps a slash, so that the command is not searched in PATH.
 */
function inFolder(folder: string, path: string): string {
  if (isAbsolute(path)) return normalize(path);
  return isAbsolute(folder) ? join(folder, path) : `${folder}/${path}`;
}

/**
 * Gives users of client-node's own auth provider for a pod's service account the `tokenFile` that
 * they mean.
 */
export function withTokenFiles(content: unknown): unknown {
  const users = memberOf(content, 'users');
  if (!isObject(content) || !Array.isArray(users)) return content;
  return { ...content, users: users.map(withTokenFile) };
}

function withTokenFile(entry: unknown): unknown {
  const provider = memberOf(memberOf(entry, 'user'), 'auth-provider');
  if (memberOf(provider, 'name') !== 'tokenFile') return entry;
  const tokenFile = memberOf(memberOf(provider, 'config'), 'tokenFile');
  return { name: memberOf(entry, 'name'), user: { tokenFile } };
}

function memberOf(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined;
}

/** The file takes precedence over the text, as in Kubernetes' clients. */
function readToken(at: Field, folder: string): Material | undefined {
  const path = at.member('tokenFile').text();
  if (path !== undefined) return { kind: 'file', path: inFolder(folder, path) };
  const text = at.member('token').text();
  return text === undefined ? undefined : { kind: 'inline', text };
}

function readBasic(at: Field): UserAuth['basic'] {
  const username = at.member('username').text();
  const password = at.member('password').text();
  if (username === undefined && password === undefined) return undefined;
  return { username: username ?? '', password: password ?? '' };
}

function readExec(at: Field, folder: string): ExecPlugin | undefined {
  if (!at.present) return undefined;
  const version = at.member('apiVersion').requiredText();
  const apiVersion = EXEC_VERSIONS.find((known) => known === version);
  if (apiVersion === undefined && version !== '') {
    at.member('apiVersion').problem(`must be one of ${EXEC_VERSIONS.join(', ')}`);
  }
  const mode = at.member('interactiveMode').text() ?? 'IfAvailable';
  if (mode === 'Always') at.member('interactiveMode').problem('an agent has no terminal');
  else if (mode !== 'Never' && mode !== 'IfAvailable') {
    at.member('interactiveMode').problem('must be Never, IfAvailable or Always');
  }
  const command = at.member('command').requiredText();
  const args = at.member('args').items();
  const env = at.member('env').items();
  const installHint = at.member('installHint').text();
  return {
    apiVersion: apiVersion ?? EXEC_VERSIONS[0],
    command: command.includes('/') ? inFolder(folder, command) : command,
    args: args.map((arg) => arg.text() ?? ''),
    env: Object.fromEntries(
      env.map((entry) => [entry.member('name').requiredText(), entry.member('value').text() ?? '']),
    ),
    provideClusterInfo: at.member('provideClusterInfo').boolean() === true,
    ...(installHint === undefined ? {} : { installHint }),
  };
}

function readImpersonation(at: Field): Record<string, string | readonly string[]> {
  const headers: Record<string, string | readonly string[]> = {};
  const user = at.member('as').text();
  if (user !== undefined) headers['impersonate-user'] = user;
  const uid = at.member('as-uid').text();
  if (uid !== undefined) headers['impersonate-uid'] = uid;
  const groups = at.member('as-groups').items();
  if (groups.length > 0) headers['impersonate-group'] = groups.map((group) => group.text() ?? '');
  const extra = at.member('as-user-extra');
  for (const key of extra.keys()) {
    const values = extra.member(key).items();
    const name = `impersonate-extra-${encodeURIComponent(key.toLowerCase())}`;
    headers[name] = values.map((value) => value.text() ?? '');
  }
  return headers;
}

/** `<name>-data` holds base64, `<name>` a path; the data takes precedence. */
function material(at: Field, name: string, folder: string): Material | undefined {
  const data = at.member(`${name}-data`);
  const base64 = data.text();
  if (base64 !== undefined) {
    const text = Buffer.from(base64, 'base64').toString('latin1');
    if (!text.includes('-----BEGIN ')) data.problem('must be base64 of PEM text');
    return { kind: 'inline', text };
  }
  const path = at.member(name).text();
  return path === undefined ? undefined : { kind: 'file', path: inFolder(folder, path) };
}
