import { BINDINGS, POLICIES } from '../model/admission-kinds.js';
import { StatusError, statusError } from '../model/errors.js';
import type { Kind } from '../model/kind.js';
import type { ApiObject, JsonObject } from '../model/object.js';
import type { AdmissionInput, MatchResources, PolicyVerdict } from '../model/policy.js';
import type { Transition } from '../model/review.js';
import type { AdmissionAttributes } from '../model/webhook.js';
import { selectedKind } from '../plan/policies/match-resources.js';
import { bindingSpecOf, policySpecOf } from '../plan/policies/specs.js';
import { isExempt, selectorsFit } from '../plan/webhooks/match.js';
import { equivalentsOf, inputOf, namespaceLabels } from './admitted.js';
import type { Authorizer } from './authorizer.js';
import type { Catalog } from './catalog.js';
import type { Expressions } from './expressions.js';
import { ConfigurationError, paramsOf } from './policy-params.js';
import type { Registry } from './registry.js';

export interface PoliciesPorts {
  readonly registry: Registry;
  readonly catalog: Catalog;
  readonly authorizer: Authorizer;
  readonly expressions: Expressions;
}

/** Judges the states of a write. @throws {StatusError} what the first policy that objects says */
export type PolicyCheck = (transition: Transition) => void;

interface Bound {
  readonly policy: ApiObject;
  readonly bindings: readonly ApiObject[];
  /** The kind in which the policy sees the object. */
  readonly seen: Kind;
}

interface Denial {
  readonly policy: string;
  readonly binding?: string;
  readonly message: string;
  readonly reason?: string;
}

/**
 * Evaluates ValidatingAdmissionPolicies.
 *
 * @see Kubernetes 1.36 apiserver pkg/admission/plugin/policy/validating/dispatcher.go
 */
export class Policies {
  readonly #ports: PoliciesPorts;

  constructor(ports: PoliciesPorts) {
    this.#ports = ports;
  }

  /**
   * @param warnings gets those of bindings that warn
   * @returns undefined when no policy selects such a write
   */
  checkOf(attributes: AdmissionAttributes, warnings: string[]): PolicyCheck | undefined {
    const bound = this.#bound(attributes);
    if (bound.length === 0) return undefined;
    return (transition) => {
      const denials = bound.flatMap((one) =>
        this.#judge(one, { attributes, warnings, transition }),
      );
      const [first] = denials;
      if (first !== undefined) throw denialOf(first, attributes, transition);
    };
  }

  #bound(attributes: AdmissionAttributes): readonly Bound[] {
    const { registry, catalog } = this.#ports;
    if (isExempt(attributes.kind)) return [];
    const policies = registry.all(POLICIES);
    if (policies.length === 0) return [];
    const equivalents = equivalentsOf(catalog.kinds, attributes.kind);
    const bindings = registry.all(BINDINGS);
    return policies.flatMap((policy) => {
      const own = bindings.filter((one) => bindingSpecOf(one).policyName === policy.metadata.name);
      const { matchConstraints } = policySpecOf(policy);
      if (own.length === 0 || matchConstraints === undefined) return [];
      const seen = selectedKind(matchConstraints, attributes, equivalents);
      return seen === undefined ? [] : [{ policy, bindings: own, seen }];
    });
  }

  #judge({ policy, bindings, seen }: Bound, write: Write): readonly Denial[] {
    const { matchConstraints = {}, failurePolicy } = policySpecOf(policy);
    if (!this.#selects(matchConstraints, write)) return [];
    const { name = '' } = policy.metadata;
    return bindings.flatMap((binding): readonly Denial[] => {
      try {
        return this.#judgeBinding(policy, binding, { ...write, seen });
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error;
        if (failurePolicy === 'Ignore') return [];
        const by = error.isOfPolicy ? {} : { binding: binding.metadata.name ?? '' };
        return [{ policy: name, ...by, message: error.message }];
      }
    });
  }

  #judgeBinding(
    policy: ApiObject,
    binding: ApiObject,
    write: Write & Readonly<{ seen: Kind }>,
  ): readonly Denial[] {
    const { registry, catalog, expressions } = this.#ports;
    const { paramKind } = policySpecOf(policy);
    const { matchResources, paramRef, validationActions = [] } = bindingSpecOf(binding);
    if (matchResources !== undefined && !this.#isAbout(matchResources, write)) return [];
    const { namespace } = write.attributes;
    const params = paramsOf({ registry, catalog }, { paramKind, paramRef, namespace });
    const compiled = expressions.policyOf(policy);
    const by = { policy: policy.metadata.name ?? '', binding: binding.metadata.name ?? '' };
    return params
      .map((one) => compiled.evaluate(this.#inputOf(write, one)))
      .flatMap((verdict) => actOn(verdict, validationActions, { ...by, warnings: write.warnings }));
  }

  #isAbout(match: MatchResources, write: Write): boolean {
    const { attributes } = write;
    const equivalents = equivalentsOf(this.#ports.catalog.kinds, attributes.kind);
    return (
      selectedKind(match, attributes, equivalents) !== undefined && this.#selects(match, write)
    );
  }

  #selects(match: MatchResources, { attributes, transition }: Write): boolean {
    const labels = namespaceLabels(this.#ports.registry, attributes, transition);
    return selectorsFit(match, transition, labels);
  }

  #inputOf(
    { attributes, transition, seen }: Write & Readonly<{ seen: Kind }>,
    params: JsonObject | null,
  ): AdmissionInput {
    const { registry, authorizer } = this.#ports;
    return inputOf({ attributes, seen, transition }, { registry, authorizer }, params);
  }
}

interface Write {
  readonly attributes: AdmissionAttributes;
  readonly transition: Transition;
  readonly warnings: string[];
}

/** Turns objections into denials and warnings. There is no audit log, so `Audit` does nothing. */
function actOn(
  { objections, annotationFailures }: PolicyVerdict,
  actions: readonly string[],
  { policy, binding, warnings }: Readonly<{ policy: string; binding: string; warnings: string[] }>,
): readonly Denial[] {
  const by = `ValidatingAdmissionPolicy '${policy}' with binding '${binding}'`;
  const denials: Denial[] = [];
  for (const { message, reason } of objections) {
    if (actions.includes('Deny')) denials.push({ policy, binding, message, reason });
    const warning = `Validation failed for ${by}: ${message}`;
    if (actions.includes('Warn') && !warnings.includes(warning)) warnings.push(warning);
  }
  return [...denials, ...annotationFailures.map((message) => ({ policy, binding, message }))];
}

const CODES: Readonly<Record<string, number>> = {
  Forbidden: 403,
  Unauthorized: 401,
  RequestEntityTooLarge: 413,
};

function denialOf(
  { policy, binding, message, reason = '' }: Denial,
  { kind, name }: AdmissionAttributes,
  { object }: Transition,
): StatusError {
  const by = binding === undefined ? '' : ` with binding '${binding}'`;
  const text = `ValidatingAdmissionPolicy '${policy}'${by} denied request: ${message}`;
  const { metadata } = object ?? {};
  const called = name || metadata?.name || metadata?.generateName || 'Unknown';
  const refusal = statusError.forbidden(kind, called, text);
  const given = reason === '' ? 'Invalid' : reason;
  return new StatusError(CODES[given] ?? 422, given, refusal.message, {
    details: { ...refusal.status.details, causes: [{ message: text }] },
  });
}
