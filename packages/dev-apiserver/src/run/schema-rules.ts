import type { CompiledSchema, CompileSchema, ObjectRules } from '../model/custom-kind.js';
import { type FieldError, statusError } from '../model/errors.js';
import type { JsonSchema } from '../model/json-schema.js';
import type { Kind } from '../model/kind.js';
import { kindOf } from '../model/kinds.js';
import type { ApiObject } from '../model/object.js';
import { definitionOf, schemasOf } from '../plan/custom/definition.js';
import { hasRules } from '../plan/custom/rules/check-rules.js';

const DEFINITIONS = kindOf('apiextensions.k8s.io', 'customresourcedefinitions');
const FIELD = 'x-kubernetes-validations';

/** The rules in CEL of CustomResourceDefinitions. Their compiler is loaded with the first rule. */
export class SchemaRules {
  readonly #load: () => Promise<CompileSchema>;
  #compile: CompileSchema | undefined;

  constructor(load: () => Promise<CompileSchema>) {
    this.#load = load;
  }

  /** Loads the compiler when a request mentions rules. */
  async prepareFor(kind: Kind, body: unknown): Promise<void> {
    if (this.#compile !== undefined || kind.storage !== DEFINITIONS.storage) return;
    if (JSON.stringify(body ?? null).includes(FIELD)) this.#compile = await this.#load();
  }

  /** The errors of a definition's rules. */
  errorsOf(kind: Kind, object: ApiObject): readonly FieldError[] {
    if (kind.storage !== DEFINITIONS.storage) return [];
    return schemasOf(definitionOf(object)).flatMap(
      ({ schema, path }) => this.#compiled(schema, path).errors,
    );
  }

  readonly rulesOf = (schema: JsonSchema): ObjectRules | undefined =>
    this.#compiled(schema, '').rules;

  #compiled(schema: JsonSchema, path: string): CompiledSchema {
    if (!hasRules(schema)) return { rules: undefined, errors: [] };
    if (this.#compile !== undefined) return this.#compile(schema, path);
    // only a webhook can add rules to a definition that had none when the request came
    throw statusError.internal(`${FIELD} were added while the request was carried out; repeat it`);
  }
}
