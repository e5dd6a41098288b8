import type { FieldError } from './errors.js';
import type { JsonSchema } from './json-schema.js';
import type { JsonObject } from './object.js';

/** The rules of one version of a CustomResourceDefinition. */
export interface CustomKind {
  /** The root schema, with type `object`. */
  readonly schema: JsonSchema;
  /** The group and version under which objects are stored. */
  readonly storedApiVersion: string;
  /** The root schema of that version. */
  readonly storedSchema: JsonSchema;
  readonly columns: readonly CustomColumn[];
  readonly scale: ScalePaths | undefined;
  /** The schema's rules in CEL; undefined when it has none. */
  readonly rules: ObjectRules | undefined;
  /** The text that clients of this version get with each answer. */
  readonly warning: string | undefined;
}

/** An entry of `additionalPrinterColumns`. */
export interface CustomColumn {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
  readonly jsonPath: string;
}

/** The fields of a custom resource that a Scale shows, as paths like `.spec.replicas`. */
export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string;
}

/** The rules (`x-kubernetes-validations`) of a schema. */
export interface ObjectRules {
  /** @param old the state before an update */
  evaluate(object: JsonObject, old: JsonObject | undefined): RuleResult;
}

export interface RuleResult {
  readonly errors: readonly FieldError[];
  /** Rules that fail about parts that the write has not changed: they become warnings. */
  readonly unchanged: readonly FieldError[];
}

/** A schema's rules, and what is wrong with them. */
export interface CompiledSchema {
  readonly rules: ObjectRules | undefined;
  readonly errors: readonly FieldError[];
}

/** @param path of the schema, for errors */
export type CompileSchema = (schema: JsonSchema, path: string) => CompiledSchema;
