import type { CompileSchema } from '../model/custom-kind.js';
import type { FieldError } from '../model/errors.js';
import { compileRules } from '../plan/custom/rules/compile-rules.js';
import { evaluateRules } from '../plan/custom/rules/evaluate-rules.js';
import { parseCel } from './parse-cel.js';

/** Compiles the rules of a schema. Loaded when a definition has some, so that other servers stay small. */
export const compileSchema: CompileSchema = (schema, path) => {
  const errors: FieldError[] = [];
  const node = compileRules(schema, path, parseCel, errors);
  if (node === undefined) return { rules: undefined, errors };
  return { rules: { evaluate: (object, old) => evaluateRules(node, object, old) }, errors };
};
