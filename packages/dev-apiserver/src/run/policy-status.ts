import { POLICIES } from '../model/admission-kinds.js';
import type { JsonObject } from '../model/object.js';
import type { WriteContext } from '../model/request.js';
import { kindsToCheck } from '../plan/policies/kinds-to-check.js';
import { policySpecOf } from '../plan/policies/specs.js';
import type { Catalog } from './catalog.js';
import type { Expressions } from './expressions.js';
import { findKind } from './policy-params.js';
import type { Registry } from './registry.js';

const CONTEXT: WriteContext = {
  user: { username: 'system:apiserver', groups: ['system:masters'] },
  dryRun: false,
  fieldManager: 'validatingadmissionpolicy-status',
  force: false,
};

/**
 * Keeps the status of ValidatingAdmissionPolicies: warnings about expressions that do not fit the
 * kinds which they are about.
 *
 * @see Kubernetes 1.36 pkg/controller/validatingadmissionpolicystatus/controller.go
 */
export function keepPolicyStatus(
  { registry, catalog }: Readonly<{ registry: Registry; catalog: Catalog }>,
  expressions: Expressions,
  onError: (error: unknown) => void,
): void {
  const sync = (name: string): void => {
    const policy = registry.find(POLICIES, { namespace: '', name });
    if (policy === undefined) return;
    const { generation = 0 } = policy.metadata;
    if (generation <= Number(policy.status?.['observedGeneration'] ?? 0)) return;
    const spec = policySpecOf(policy);
    const kinds = kindsToCheck(spec.matchConstraints ?? {}, catalog.kinds);
    const paramKind = spec.paramKind === undefined ? undefined : findKind(catalog, spec.paramKind);
    const warnings = expressions.typeWarnings(spec, { kinds, paramKind });
    const typeChecking = warnings.length === 0 ? {} : { expressionWarnings: warnings };
    const status: JsonObject = { ...policy.status, observedGeneration: generation, typeChecking };
    const target = { namespace: '', name, part: 'internal' } as const;
    registry.update(POLICIES, target, (old) => ({ ...(old ?? policy), status }), CONTEXT);
  };
  // Later: the other listeners must see this change before those that follow from it.
  const soon = (name: string): void => void Promise.resolve(name).then(sync).catch(onError);
  registry.store.collection(POLICIES.storage).listen(({ key }) => soon(key));
}
