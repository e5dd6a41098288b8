import { field, type FieldError } from '../../../model/errors.js';
import { type JsonSchema, valueSchema } from '../../../model/json-schema.js';
import { product, sum } from '../../cel/cost/size.js';

/** Limits of an expression, and of all expressions of a schema. */
const EXPRESSION_LIMIT = 10_000_000;
const SCHEMA_LIMIT = 100_000_000;
/** An expression below this part of the schema's limit is not named among the expensive ones. */
const NAMED_PART = 0.01;
const MOST_NAMED = 4;

/** An upper bound for the number of values at a place; undefined without one. */
export type Cardinality = number | undefined;

/** The bound for the parts of a value. */
export function partsOf(within: Cardinality, schema: JsonSchema): Cardinality {
  const most = mostParts(schema);
  return within === undefined || most === undefined ? undefined : product(within, most);
}

function mostParts(schema: JsonSchema): number | undefined {
  const { type, maxItems, maxProperties } = schema;
  if (type === 'array') return maxItems;
  return type === 'object' && valueSchema(schema) !== undefined ? maxProperties : 1;
}

/**
 * Adds up the estimated costs of a schema's expressions.
 *
 * @see Kubernetes 1.36 apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go,
 *   cel_validation.go
 */
export class RuleCosts {
  #total = 0;
  readonly #expensive: { path: string; cost: number }[] = [];

  /** Counts a rule, or the expression of a message. @returns the error when it costs too much */
  count(path: string, what: string, cost: number): readonly FieldError[] {
    this.#total = sum(this.#total, cost);
    if (cost >= SCHEMA_LIMIT * NAMED_PART) this.#expensive.push({ path, cost });
    return cost > EXPRESSION_LIMIT
      ? [field.forbidden(path, tooMuch(`estimated ${what} cost`, cost / EXPRESSION_LIMIT))]
      : [];
  }

  /** @param path of the schema */
  totalErrors(path: string): readonly FieldError[] {
    if (this.#total <= SCHEMA_LIMIT) return [];
    const why =
      'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema';
    const named = this.#expensive.sort((a, b) => b.cost - a.cost).slice(0, MOST_NAMED);
    const what = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
    return [
      ...named.map((one) => field.forbidden(one.path, why)),
      field.forbidden(path, tooMuch(what, this.#total / SCHEMA_LIMIT)),
    ];
  }
}

function tooMuch(what: string, factor: number): string {
  return `${what} exceeds budget by factor of ${shown(factor)} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}

function shown(factor: number): string {
  if (factor > 100) return 'more than 100x';
  return factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
}
