import { fromStored } from '../codec/stored-form.js';
import type { Kind } from '../model/kind.js';
import { apiVersionOf } from '../model/kinds.js';
import type { JsonObject } from '../model/object.js';
import type { ParamRef, PolicySpec } from '../model/policy.js';
import { selectorFits } from '../plan/webhooks/match.js';
import type { Catalog } from './catalog.js';
import type { Registry } from './registry.js';

/** A policy, or a binding of it, that cannot be used as it is. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  /** Otherwise it is the binding's. */
  readonly isOfPolicy: boolean;

  constructor(of: 'policy' | 'binding', why: string) {
    super(`failed to configure ${of}: ${why}`);
    this.isOfPolicy = of === 'policy';
  }
}

interface Reference {
  readonly paramKind: PolicySpec['paramKind'];
  readonly paramRef: ParamRef | undefined;
  /** The namespace of the object of the write. */
  readonly namespace: string;
}

/**
 * Finds the parameters with which a binding applies its policy: null when it has none, and none at
 * all when they are missing and need not be there.
 *
 * @throws {ConfigurationError}
 * @see Kubernetes 1.36 apiserver pkg/admission/plugin/policy/generic/policy_dispatcher.go,
 *   CollectParams
 */
export function paramsOf(
  { registry, catalog }: Readonly<{ registry: Registry; catalog: Catalog }>,
  { paramKind, paramRef, namespace: own }: Reference,
): readonly (JsonObject | null)[] {
  if (paramKind === undefined) return [null];
  const kind = paramKindOf(catalog, paramKind);
  if (paramRef === undefined) return [null];
  const { name = '', selector, parameterNotFoundAction } = paramRef;
  const namespace = namespaceOf(kind, paramRef, own);
  const found =
    name === ''
      ? registry
          .all(kind)
          .filter(
            ({ metadata }) =>
              (!kind.namespaced || metadata.namespace === namespace) &&
              selectorFits(selector ?? {}, metadata.labels ?? {}),
          )
          .map((stored) => fromStored(kind, stored))
      : [registry.find(kind, { namespace, name })].flatMap((one) => one ?? []);
  if (found.length > 0 || parameterNotFoundAction !== 'Deny') return found;
  const why = 'no params found for policy binding with `Deny` parameterNotFoundAction';
  throw new ConfigurationError('binding', why);
}

/** Finds the kind of parameters among those that are served. */
export function findKind(
  { kinds }: Catalog,
  { apiVersion, kind }: NonNullable<PolicySpec['paramKind']>,
): Kind | undefined {
  return kinds.find((one) => one.stored && one.kind === kind && apiVersionOf(one) === apiVersion);
}

function paramKindOf(catalog: Catalog, paramKind: NonNullable<PolicySpec['paramKind']>): Kind {
  const found = findKind(catalog, paramKind);
  if (found !== undefined) return found;
  const { apiVersion = '', kind = '' } = paramKind;
  const groupVersion = apiVersion.includes('/') ? apiVersion : `/${apiVersion}`;
  const why = `failed to find resource referenced by paramKind: '${groupVersion}, Kind=${kind}'`;
  throw new ConfigurationError('policy', why);
}

function namespaceOf(kind: Kind, { namespace = '' }: ParamRef, own: string): string {
  if (!kind.namespaced) {
    if (namespace === '') return '';
    const why = 'paramRef.namespace must not be provided for a cluster-scoped `paramKind`';
    throw new ConfigurationError('binding', why);
  }
  const wanted = namespace || own;
  if (wanted !== '') return wanted;
  const why =
    'cannot use namespaced paramRef in policy binding that matches cluster-scoped resources';
  throw new ConfigurationError('binding', why);
}
