import {
  BOOL,
  type CelType,
  DYN,
  INT,
  type ObjectType,
  STRING,
  TIMESTAMP,
} from '../../model/cel/type.js';
import type { CelKey, CelValue } from '../../model/cel/value.js';
import { CelMap } from '../../model/cel/value.js';
import { type JsonObject, textAt } from '../../model/object.js';
import type { AdmissionInput } from '../../model/policy.js';
import type { Scope } from '../cel/compiling.js';
import { type Budget, Frame } from '../cel/frame.js';
import { CelAuthorizer, CelResourceCheck } from '../cel/library/authorization.js';
import { readJson, readTyped } from '../cel/read-json.js';

function record(name: string, fields: Readonly<Record<string, CelType>>): ObjectType {
  return { kind: 'object', name: `kubernetes.${name}`, fields: new Map(Object.entries(fields)) };
}

const listOf = (of: CelType): CelType => ({ kind: 'list', of });
const mapOf = (of: CelType): CelType => ({ kind: 'map', key: STRING, of });
const text = STRING;

const GROUP_VERSION_KIND = record('GroupVersionKind', { group: text, version: text, kind: text });
const GROUP_VERSION_RESOURCE = record('GroupVersionResource', {
  ...{ group: text, version: text, resource: text },
});

/** @see Kubernetes 1.36 apiserver pkg/admission/plugin/cel/compile.go, BuildRequestType */
export const REQUEST = record('AdmissionRequest', {
  kind: GROUP_VERSION_KIND,
  resource: GROUP_VERSION_RESOURCE,
  subResource: text,
  requestKind: GROUP_VERSION_KIND,
  requestResource: GROUP_VERSION_RESOURCE,
  requestSubResource: text,
  name: text,
  namespace: text,
  operation: text,
  userInfo: record('UserInfo', {
    ...{ username: text, uid: text, groups: listOf(text), extra: mapOf(listOf(text)) },
  }),
  dryRun: BOOL,
  options: DYN,
});

const CONDITION = record('NamespaceCondition', {
  ...{ status: text, type: text, lastTransitionTime: TIMESTAMP, message: text, reason: text },
});

/** @see the same file, BuildNamespaceType */
export const NAMESPACE = record('Namespace', {
  metadata: record('NamespaceMetadata', {
    ...{ name: text, generateName: text, namespace: text, UID: text, resourceVersion: text },
    ...{ labels: mapOf(text), annotations: mapOf(text), finalizers: listOf(text) },
    ...{ creationTimestamp: TIMESTAMP, deletionTimestamp: TIMESTAMP },
    ...{ deletionGracePeriodSeconds: INT, generation: INT },
  }),
  spec: record('NamespaceSpec', { finalizers: listOf(text) }),
  status: record('NamespaceStatus', { conditions: listOf(CONDITION), phase: text }),
});

const AUTHORIZER: CelType = { kind: 'simple', name: 'kubernetes.authorization.Authorizer' };
const RESOURCE_CHECK: CelType = { kind: 'simple', name: 'kubernetes.authorization.ResourceCheck' };

export interface ScopeOptions {
  readonly hasParams: boolean;
  readonly hasAuthorizer: boolean;
  /** The types of `object` and `oldObject`, and of `params`; `dyn` when absent. */
  readonly object?: CelType | undefined;
  readonly params?: CelType | undefined;
}

/** The names that an expression about a write may use. */
export function scopeOf(options: ScopeOptions): Scope {
  const { hasParams, hasAuthorizer, object = DYN, params = DYN } = options;
  return new Map<string, CelType>([
    ['object', object],
    ['oldObject', object],
    ['namespaceObject', NAMESPACE],
    ['request', REQUEST],
    ...(hasParams ? [['params', params] as const] : []),
    ...(hasAuthorizer
      ? [
          ['authorizer', AUTHORIZER] as const,
          ['authorizer.requestResource', RESOURCE_CHECK] as const,
        ]
      : []),
  ]);
}

/** The scope with the variables of a policy. */
export function withVariables(scope: Scope, variables: ReadonlyMap<string, CelType>): Scope {
  const type: ObjectType = { kind: 'object', name: VARIABLES, fields: variables };
  return new Map(scope).set('variables', type);
}

const VARIABLES = 'kubernetes.variables';

/** The values of the names of {@link scopeOf}. */
export function frameOf(input: AdmissionInput, budget: Budget): Frame {
  const { request, user, decider } = input;
  const authorizer = new CelAuthorizer(user, decider);
  return new Frame(budget, 'object', readJson(input.object))
    .with('oldObject', readJson(input.oldObject))
    .with('namespaceObject', readTyped(input.namespaceObject, NAMESPACE))
    .with('request', readTyped(request, REQUEST))
    .with('params', readJson(input.params))
    .with('authorizer', authorizer)
    .with('authorizer.requestResource', requestResource(authorizer, request));
}

function requestResource(authorizer: CelAuthorizer, request: JsonObject): CelResourceCheck {
  return new CelResourceCheck(authorizer, {
    group: textAt(request, 'requestResource.group'),
    resource: textAt(request, 'requestResource.resource'),
    subresource: textAt(request, 'requestSubResource'),
    namespace: textAt(request, 'namespace'),
    name: textAt(request, 'name'),
  });
}

/** The frame with variables that are evaluated when they are first read. */
export function withLazyVariables(
  frame: Frame,
  variables: ReadonlyMap<string, (frame: Frame) => CelValue>,
): Frame {
  if (variables.size === 0) return frame;
  const known = new LazyEntries();
  const full = frame.with('variables', new CelMap(known, VARIABLES));
  for (const [name, run] of variables) known.later(name, () => run(full));
  return full;
}

/** Entries whose values are made when they are asked for. */
class LazyEntries extends Map<CelKey, CelValue> {
  readonly #later = new Map<CelKey, () => CelValue>();

  later(key: CelKey, make: () => CelValue): void {
    this.#later.set(key, make);
  }

  override get(key: CelKey): CelValue | undefined {
    const known = super.get(key);
    if (known !== undefined) return known;
    const made = this.#later.get(key)?.();
    if (made !== undefined) this.set(key, made);
    return made;
  }
}
