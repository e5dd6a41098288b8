import { statusError } from '../model/errors.js';
import type { Kind } from '../model/kind.js';
import { isObject, type JsonObject } from '../model/object.js';
import type { ListQuery, UserInfo, WriteContext } from '../model/request.js';
import { parseFieldSelector, parseLabelSelector } from '../model/selectors.js';
import type { DeleteOptions } from '../plan/deletion.js';

const ALWAYS_SELECTABLE = ['metadata.name', 'metadata.namespace'];

/**
 * @throws {StatusError} 400 for malformed selectors and for selectors that the kind does not have
 */
export function readListQuery(kind: Kind, namespace: string, query: URLSearchParams): ListQuery {
  const fields = parseFieldSelector(query.get('fieldSelector') ?? '');
  for (const { path } of fields) {
    if (!ALWAYS_SELECTABLE.includes(path) && !kind.selectable.includes(path)) {
      throw statusError.badRequest(
        `Unable to find "${kind.group === '' ? '' : `${kind.group}/`}${kind.version}, Resource=${kind.plural}" that match label selector "${query.get('labelSelector') ?? ''}", field selector "${query.get('fieldSelector') ?? ''}": field label not supported: ${path}`,
      );
    }
  }
  return {
    namespace,
    labels: parseLabelSelector(query.get('labelSelector') ?? ''),
    fields,
    limit: Number(query.get('limit') ?? 0) || 0,
    continueToken: query.get('continue') ?? '',
    resourceVersion: readVersion(query),
    resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
  };
}

function readVersion(query: URLSearchParams): string {
  const text = query.get('resourceVersion') ?? '';
  if (/^\d*$/.test(text)) return text;
  throw statusError.badRequest(
    `Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`,
  );
}

export function readWriteContext(
  query: URLSearchParams,
  user: UserInfo,
  userAgent: string,
): WriteContext {
  return {
    user,
    dryRun: query.get('dryRun') === 'All',
    fieldManager: query.get('fieldManager') || (userAgent.split('/')[0] ?? '') || 'unknown',
    force: query.get('force') === 'true',
  };
}

const DELETE_OPTIONS = [
  'gracePeriodSeconds',
  'orphanDependents',
  'preconditions',
  'propagationPolicy',
] as const;

/** Reads the options of a write that admission is shown, apart from `dryRun`. */
export function readOptions(isDelete: boolean, query: URLSearchParams, body: unknown): JsonObject {
  const names = isDelete ? DELETE_OPTIONS : (['fieldManager', 'fieldValidation'] as const);
  const sent: JsonObject = isDelete && isObject(body) ? body : {};
  const given = names.map((name) => [name, sent[name] ?? query.get(name) ?? undefined] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined && value !== ''));
}

const POLICIES = ['Orphan', 'Background', 'Foreground'] as const;

/**
 * Reads the query's options, then the body's. `isAccepted` says that a deletion that takes longer is
 * answered with 202.
 */
export function readDeleteOptions(
  query: URLSearchParams,
  body: unknown,
): DeleteOptions & Readonly<{ dryRun: boolean; isAccepted: boolean }> {
  const options: JsonObject = isObject(body) ? body : {};
  const grace = options['gracePeriodSeconds'] ?? query.get('gracePeriodSeconds') ?? undefined;
  const orphan = options['orphanDependents'] ?? query.get('orphanDependents') ?? undefined;
  const text = options['propagationPolicy'] ?? query.get('propagationPolicy') ?? undefined;
  const policy = orphan === true || orphan === 'true' ? 'Orphan' : text;
  const known = POLICIES.find((candidate) => candidate === policy);
  const preconditions = options['preconditions'];
  const dryRun = options['dryRun'] ?? query.getAll('dryRun');
  return {
    ...(grace === undefined ? {} : { gracePeriodSeconds: Number(grace) }),
    ...(known === undefined ? {} : { propagationPolicy: known }),
    ...(isObject(preconditions) ? { preconditions } : {}),
    dryRun: Array.isArray(dryRun) && dryRun.includes('All'),
    isAccepted: orphan === false || orphan === 'false',
  };
}
