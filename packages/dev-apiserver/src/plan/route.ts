import type { Kind } from '../model/kind.js';

/** A path under /api or /apis that names stored objects. */
export interface Route {
  readonly kind: Kind;
  /** Empty for all namespaces, or a cluster-wide kind. */
  readonly namespace: string;
  /** Empty for the collection. */
  readonly name: string;
  /** Empty for the object itself. */
  readonly subresource: string;
}

/** Subresources of a namespace; any other word behind its name is a kind inside it. */
const NAMESPACE_PARTS = new Set(['status', 'finalize']);

export type FindKind = (group: string, version: string, plural: string) => Kind | undefined;

/** @returns undefined for paths that name no known kind */
export function parseRoute(path: string, findKind: FindKind): Route | undefined {
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);
  const core = parts[0] === 'api';
  if (!core && parts[0] !== 'apis') return undefined;
  const group = core ? '' : (parts[1] ?? '');
  const version = (core ? parts[1] : parts[2]) ?? '';
  const rest = parts.slice(core ? 2 : 3);
  const inNamespace =
    rest[0] === 'namespaces' && rest.length >= 3 && !NAMESPACE_PARTS.has(rest[2] ?? '');
  const namespace = inNamespace ? (rest[1] ?? '') : '';
  const [plural = '', name = '', subresource = '', ...more] = inNamespace ? rest.slice(2) : rest;
  const kind = findKind(group, version, plural);
  if (kind === undefined || more.length > 0 || (inNamespace && !kind.namespaced)) return undefined;
  if (kind.namespaced && namespace === '' && name !== '') return undefined;
  return { kind, namespace, name, subresource };
}

export type Verb =
  'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/**
 * Returns the verb that authorizers see and that selects the handler. @returns undefined for
 * unsupported methods
 */
export function verbOf(method: string, route: Route, watching: boolean): Verb | undefined {
  switch (method) {
    case 'GET':
    case 'HEAD':
      if (watching) return 'watch';
      return route.name === '' ? 'list' : 'get';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return route.name === '' ? 'deletecollection' : 'delete';
    default:
      return undefined;
  }
}
