import type { CompileSchema } from './custom-kind.js';
import type { CheckTypes, CompileConditions, CompilePolicy } from './policy.js';

/** Everything that needs the compiler of expressions. */
export interface CelTools {
  readonly compileSchema: CompileSchema;
  readonly compilePolicy: CompilePolicy;
  readonly compileConditions: CompileConditions;
  readonly typeWarnings: CheckTypes;
}
