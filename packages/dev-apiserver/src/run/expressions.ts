import { MUTATING_WEBHOOKS, POLICIES, VALIDATING_WEBHOOKS } from '../model/admission-kinds.js';
import type { CelTools } from '../model/cel-tools.js';
import type { CompiledSchema, ObjectRules } from '../model/custom-kind.js';
import { type FieldError, statusError } from '../model/errors.js';
import type { JsonSchema } from '../model/json-schema.js';
import type { Kind } from '../model/kind.js';
import { kindOf } from '../model/kinds.js';
import type { ApiObject } from '../model/object.js';
import type { CheckTypes, CompiledConditions, CompiledPolicy } from '../model/policy.js';
import type { Webhook } from '../model/webhook.js';
import { definitionOf, schemasOf } from '../plan/custom/definition.js';
import { hasRules } from '../plan/custom/rules/check-rules.js';
import { policySpecOf, webhooksOf } from '../plan/policies/specs.js';

const DEFINITIONS = kindOf('apiextensions.k8s.io', 'customresourcedefinitions');

/** By kind, what a request mentions that brings expressions. */
const MENTIONS: Readonly<Record<string, string>> = {
  [DEFINITIONS.storage]: 'x-kubernetes-validations',
  [POLICIES.storage]: '',
  [MUTATING_WEBHOOKS.storage]: 'matchConditions',
  [VALIDATING_WEBHOOKS.storage]: 'matchConditions',
};

/**
 * The expressions in CEL of CustomResourceDefinitions, admission policies and webhooks. Their
 * compiler is loaded with the first one.
 */
export class Expressions {
  readonly #load: () => Promise<CelTools>;
  #tools: CelTools | undefined;
  readonly #policies = new WeakMap<ApiObject, CompiledPolicy>();
  readonly #conditions = new WeakMap<Webhook, CompiledConditions>();

  constructor(load: () => Promise<CelTools>) {
    this.#load = load;
  }

  /** Loads the compiler when a request brings expressions. */
  async prepareFor(kind: Kind, body: unknown): Promise<void> {
    const mention = MENTIONS[kind.storage];
    if (this.#tools !== undefined || mention === undefined || body === undefined) return;
    if (JSON.stringify(body).includes(mention)) this.#tools = await this.#load();
  }

  /** The errors of an object's expressions. */
  errorsOf(kind: Kind, object: ApiObject): readonly FieldError[] {
    switch (kind.storage) {
      case DEFINITIONS.storage:
        return schemasOf(definitionOf(object)).flatMap(
          ({ schema, path }) => this.#compiled(schema, path).errors,
        );
      case POLICIES.storage: {
        const { name = '' } = object.metadata;
        return this.#compiler().compilePolicy(name, policySpecOf(object)).errors;
      }
      case MUTATING_WEBHOOKS.storage:
      case VALIDATING_WEBHOOKS.storage:
        return webhooksOf(object).flatMap(({ matchConditions = [] }, index) => {
          if (matchConditions.length === 0) return [];
          const path = `webhooks[${index}].matchConditions`;
          return this.#compiler().compileConditions(matchConditions, path).errors;
        });
      default:
        return [];
    }
  }

  readonly rulesOf = (schema: JsonSchema): ObjectRules | undefined =>
    this.#compiled(schema, '').rules;

  /** @param stored a policy as it is stored */
  policyOf(stored: ApiObject): CompiledPolicy {
    const known = this.#policies.get(stored);
    if (known !== undefined) return known;
    const { name = '' } = stored.metadata;
    const { policy } = this.#compiler().compilePolicy(name, policySpecOf(stored));
    this.#policies.set(stored, policy);
    return policy;
  }

  /** @returns undefined for a webhook without conditions */
  conditionsOf(webhook: Webhook): CompiledConditions | undefined {
    const { matchConditions = [] } = webhook;
    if (matchConditions.length === 0) return undefined;
    const known = this.#conditions.get(webhook);
    if (known !== undefined) return known;
    const { conditions } = this.#compiler().compileConditions(matchConditions, '');
    this.#conditions.set(webhook, conditions);
    return conditions;
  }

  readonly typeWarnings: CheckTypes = (spec, types) => this.#compiler().typeWarnings(spec, types);

  #compiled(schema: JsonSchema, path: string): CompiledSchema {
    if (!hasRules(schema)) return { rules: undefined, errors: [] };
    return this.#compiler().compileSchema(schema, path);
  }

  #compiler(): CelTools {
    if (this.#tools !== undefined) return this.#tools;
    // only a webhook can add expressions to an object that had none when the request came
    const why = 'expressions in CEL were added while the request was carried out; repeat it';
    throw statusError.internal(why);
  }
}
