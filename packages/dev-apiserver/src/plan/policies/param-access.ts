import type { AccessQuestion, Decider } from '../../model/access.js';
import { field, type FieldError } from '../../model/errors.js';
import type { Kind } from '../../model/kind.js';
import { type ApiObject, deepEqual } from '../../model/object.js';
import type { PolicySpec } from '../../model/policy.js';
import type { UserInfo } from '../../model/request.js';
import { bindingSpecOf, policySpecOf } from './specs.js';

type ParamKind = NonNullable<PolicySpec['paramKind']>;

/** A policy or a binding that a user writes; `old` is absent for a creation. */
export interface PolicyWrite {
  readonly user: UserInfo;
  readonly object: ApiObject;
  readonly old: ApiObject | undefined;
}

/** Answers what depends on the rest of the cluster. */
export interface ParamLookup {
  readonly decider: Decider;
  readonly kindOf: (paramKind: ParamKind) => Kind | undefined;
  readonly policyOf: (name: string) => ApiObject | undefined;
}

/**
 * Refuses a policy whose author may not read all of its parameters.
 *
 * @see Kubernetes 1.36 pkg/registry/admissionregistration/validatingadmissionpolicy/authz.go
 */
export function policyProblem(
  { user, object, old }: PolicyWrite,
  { decider, kindOf }: ParamLookup,
): FieldError | undefined {
  const { paramKind } = policySpecOf(object);
  const before = old === undefined ? undefined : policySpecOf(old).paramKind;
  if (paramKind === undefined || deepEqual(paramKind, before)) return undefined;
  const question = {
    ...resourceOf(paramKind, kindOf(paramKind)),
    ...{ verb: 'get', subresource: '', namespace: '*', name: '*' },
  };
  if (decider.decide(user, question).allowed) return undefined;
  const { kind = '', apiVersion = '' } = paramKind;
  const why = `user ${shown(user)} must have "get" permission on all objects of the referenced paramKind (kind=${kind}, apiVersion=${apiVersion})`;
  return field.forbidden('spec.paramKind', why);
}

/**
 * Refuses a binding whose author may not read its parameters.
 *
 * @see Kubernetes 1.36
 *   pkg/registry/admissionregistration/validatingadmissionpolicybinding/authz.go
 */
export function bindingProblem(
  { user, object, old }: PolicyWrite,
  { decider, kindOf, policyOf }: ParamLookup,
): FieldError | undefined {
  const { paramRef, policyName = '' } = bindingSpecOf(object);
  if (paramRef === undefined) return undefined;
  const before = old === undefined ? undefined : bindingSpecOf(old);
  if (before?.policyName === policyName && deepEqual(before.paramRef, paramRef)) return undefined;
  const policy = policyOf(policyName);
  const paramKind = policy === undefined ? undefined : policySpecOf(policy).paramKind;
  const kind = paramKind === undefined ? undefined : kindOf(paramKind);
  const { name = '', namespace = '' } = paramRef;
  const verb = name === '' ? 'list' : 'get';
  const question = { ...resourceOf(paramKind, kind), verb, subresource: '', namespace, name };
  if (decider.decide(user, question).allowed) return undefined;
  const lacks = `user ${shown(user)} does not have "${verb}" permission`;
  const everywhere = `to determine minimum required permissions and ${lacks} for all groups, versions and resources`;
  if (policy === undefined) {
    return field.forbidden('spec.paramRef', `unable to get policy ${policyName} ${everywhere}`);
  }
  return field.forbidden('spec.paramRef', `${lacks} on the object referenced by paramRef`);
}

/** Permission for everything is asked for where the resource is not known. */
function resourceOf(
  paramKind: ParamKind | undefined,
  kind: Kind | undefined,
): Pick<AccessQuestion, 'group' | 'resource'> {
  if (paramKind === undefined) return { group: '*', resource: '*' };
  const [, group = ''] = (paramKind.apiVersion ?? '').split('/').reverse();
  return { group, resource: kind?.plural ?? '*' };
}

/** A user as Go prints it. */
function shown({ username, uid = '', groups }: UserInfo): string {
  return `&{${username} ${uid} [${groups.join(' ')}] map[]}`;
}
