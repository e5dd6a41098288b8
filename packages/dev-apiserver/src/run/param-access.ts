import { BINDINGS, POLICIES } from '../model/admission-kinds.js';
import { type FieldError, statusError } from '../model/errors.js';
import type { Kind } from '../model/kind.js';
import { bindingProblem, policyProblem, type PolicyWrite } from '../plan/policies/param-access.js';
import type { Authorizer } from './authorizer.js';
import type { Catalog } from './catalog.js';
import { findKind } from './policy-params.js';
import type { Registry } from './registry.js';

/** Checks that the author of a policy or a binding may read its parameters. @throws {StatusError} 422 */
export type CheckParamAccess = (kind: Kind, write: PolicyWrite) => void;

export function createParamAccess(ports: {
  readonly registry: Registry;
  readonly catalog: Catalog;
  readonly authorizer: Authorizer;
}): CheckParamAccess {
  const { registry, catalog, authorizer } = ports;
  const lookup = {
    decider: authorizer,
    kindOf: (paramKind: Parameters<typeof findKind>[1]) => findKind(catalog, paramKind),
    policyOf: (name: string) => registry.find(POLICIES, { namespace: '', name }),
  };
  return (kind, write) => {
    let problem: FieldError | undefined;
    if (kind.storage === POLICIES.storage) problem = policyProblem(write, lookup);
    if (kind.storage === BINDINGS.storage) problem = bindingProblem(write, lookup);
    if (problem === undefined) return;
    throw statusError.invalid(kind, write.object.metadata.name ?? '', [problem]);
  };
}
