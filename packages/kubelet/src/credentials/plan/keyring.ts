import { globMatches, parseGlob, trimEndOf } from '@nodeagent/base';
import type { RegistryAuth } from '@nodeagent/cri-client';
import type { Secret } from '@nodeagent/kube-client';

/** One entry of a docker configuration: a registry pattern and its credentials. */
export interface KeyringEntry {
  /**
   * As written: `registry.example.com:5000/team`, `https://index.docker.io/v1/`, `*.example.com`.
   */
  readonly key: string;
  readonly auth: RegistryAuth;
}

const DOCKER_HUB = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];

/** Entries of a pull secret; a malformed secret has none. */
export function secretEntries(secret: Secret): readonly KeyringEntry[] {
  if (secret.type === 'kubernetes.io/dockerconfigjson') {
    const config = parseObject(decoded(secret.data?.['.dockerconfigjson']));
    return parseEntries(config['auths']);
  }
  if (secret.type === 'kubernetes.io/dockercfg') {
    return parseEntries(parseObject(decoded(secret.data?.['.dockercfg'])));
  }
  return [];
}

/** Entries of a node's `config.json` or `.dockercfg`. */
export function dockerConfigEntries(text: string): readonly KeyringEntry[] {
  const config = parseObject(text);
  return parseEntries('auths' in config ? config['auths'] : config);
}

/**
 * Credentials to try for an image, the most specific first.
 *
 * @param repository with its registry, without tag: `docker.io/library/busybox`
 * @see Kubernetes 1.36 pkg/credentialprovider/keyring.go
 */
export function matchingEntries<T extends KeyringEntry>(
  entries: readonly T[],
  repository: string,
): readonly T[] {
  const wanted = parseKey(repository);
  return entries
    .map((entry) => ({ target: parseKey(entry.key), entry }))
    .filter(({ target }) => matches(target, wanted))
    .sort((a, b) => compareTargets(a.target, b.target))
    .map(({ entry }) => entry);
}

/**
 * True if a pattern matches an image: globs in the host's labels (`*`, `?`, `[a-z]`, `\` before a
 * character), the same port, and a common path prefix. A malformed glob matches nothing.
 *
 * @see Kubernetes 1.36 pkg/credentialprovider/keyring.go, URLsMatch
 */
export function matchesImage(pattern: string, repository: string): boolean {
  return matches(parseUrl(pattern), parseUrl(repository));
}

interface Target {
  readonly host: string;
  readonly port: string;
  readonly path: string;
}

function parseKey(key: string): Target {
  const { host, port, path } = parseUrl(key.replace(/^https?:\/\//, ''));
  return {
    host: DOCKER_HUB.includes(host) ? 'docker.io' : host,
    port,
    path: path.replace(/^\/v[12]\/?/, '/').replace(/\/$/, ''),
  };
}

function parseUrl(text: string): Target {
  const slash = text.indexOf('/');
  const authority = slash < 0 ? text : text.slice(0, slash);
  const path = slash < 0 ? '' : text.slice(slash);
  const colon = authority.lastIndexOf(':');
  const port = colon < 0 ? '' : authority.slice(colon + 1);
  if (!/^\d+$/.test(port)) return { host: authority, port: '', path };
  return { host: authority.slice(0, colon), port, path };
}

function matches(target: Target, wanted: Target): boolean {
  if (target.port !== wanted.port) return false;
  if (target.path !== '' && !wanted.path.startsWith(target.path)) return false;
  const globs = target.host.split('.');
  const labels = wanted.host.split('.');
  return (
    globs.length === labels.length &&
    globs.every((glob, at) => matchesLabel(glob, labels[at] ?? ''))
  );
}

/** A malformed pattern matches nothing, as upstream. */
function matchesLabel(pattern: string, label: string): boolean {
  const glob = parseGlob(pattern);
  return glob !== undefined && globMatches(glob, label);
}

/** Sorts keys in descending order: longer paths before shorter ones, plain hosts before globs. */
function compareTargets(a: Target, b: Target): number {
  const [first, second] = [a, b].map(keyOf) as [string, string];
  return first === second ? 0 : first > second ? -1 : 1;
}

function keyOf({ host, port, path }: Target): string {
  return port === '' ? host + path : `${host}:${port}${path}`;
}

function parseEntries(auths: unknown): readonly KeyringEntry[] {
  if (!isObject(auths)) return [];
  return Object.entries(auths).flatMap(([key, entry]) => {
    const auth = parseAuth(entry);
    return auth === undefined ? [] : [{ key, auth }];
  });
}

function parseAuth(entry: unknown): RegistryAuth | undefined {
  if (!isObject(entry)) return undefined;
  const text = (name: string): string | undefined =>
    typeof entry[name] === 'string' && entry[name] !== '' ? entry[name] : undefined;
  const identityToken = text('identitytoken');
  const combined = decoded(text('auth'));
  const colon = combined.indexOf(':');
  const username = colon > 0 ? combined.slice(0, colon) : text('username');
  const password = colon > 0 ? trimEndOf(combined.slice(colon + 1), '\0') : text('password');
  if (username === undefined && identityToken === undefined) return undefined;
  return { username, password, identityToken };
}

function decoded(base64: string | undefined): string {
  return Buffer.from(base64 ?? '', 'base64').toString('utf8');
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {}; // a malformed secret has no credentials; the pull reports its own error
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
