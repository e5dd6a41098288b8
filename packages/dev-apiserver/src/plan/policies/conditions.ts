import { labelErrors } from '@nodeagent/pod-rules';

import { BOOL } from '../../model/cel/type.js';
import { field, type FieldError } from '../../model/errors.js';
import type { AdmissionInput, CompiledConditions, ConditionsVerdict } from '../../model/policy.js';
import type { MatchCondition } from '../../model/webhook.js';
import type { Scope } from '../cel/compiling.js';
import type { CheckedExpression, ParseExpression } from '../cel/environment.js';
import { frameOf } from './admission-scope.js';
import { checkTyped } from './check-typed.js';
import { Meter, OutOfBudget } from './meter.js';

const MOST_CONDITIONS = 64;

/** Steps for all conditions of one webhook or policy. @see apiserver pkg/apis/cel/config.go */
const BUDGET = 2_500_000;

interface Condition {
  readonly text: string;
  readonly compiled: CheckedExpression;
}

/**
 * Checks and compiles match conditions.
 *
 * @param path of the list, for errors
 * @see Kubernetes 1.36 pkg/apis/admissionregistration/validation/validation.go,
 *   validateMatchConditions; apiserver pkg/admission/plugin/webhook/matchconditions/matcher.go
 */
export function compileConditions(
  given: readonly MatchCondition[],
  path: string,
  { scope, parse }: Readonly<{ scope: Scope; parse: ParseExpression }>,
): Readonly<{ conditions: CompiledConditions; errors: readonly FieldError[] }> {
  const errors: FieldError[] = [];
  const conditions: Condition[] = [];
  const names = new Set<string>();
  if (given.length > MOST_CONDITIONS) {
    errors.push(field.tooMany(path, given.length, MOST_CONDITIONS));
  }
  given.forEach(({ name = '', expression = '' }, index) => {
    const at = `${path}[${index}]`;
    const text = expression.trim();
    if (text === '') errors.push(field.required(`${at}.expression`));
    else {
      const compiled = checkTyped(text, { scope, parse, wanted: BOOL });
      if (typeof compiled !== 'string') conditions.push({ text: expression, compiled });
      else errors.push(field.invalid(`${at}.expression`, text, compiled));
    }
    if (name === '') errors.push(field.required(`${at}.name`));
    else errors.push(...labelErrors(`${at}.name`, { [name]: '' }));
    if (name !== '' && names.has(name)) errors.push(field.duplicate(`${at}.name`, name));
    names.add(name);
  });
  return { conditions: { judge: (input) => judge(conditions, input) }, errors };
}

/** One that is false decides, whatever the others are. */
function judge(conditions: readonly Condition[], input: AdmissionInput): ConditionsVerdict {
  const meter = new Meter(BUDGET);
  const frame = frameOf(input, meter.budget);
  const failures = new Set<string>();
  try {
    for (const { text, compiled } of conditions) {
      const outcome = meter.run(text, compiled, frame);
      if ('failure' in outcome) failures.add(outcome.failure);
      else if (outcome.value !== true) return { kind: 'unmet' };
    }
  } catch (error) {
    if (!(error instanceof OutOfBudget)) throw error;
    return { kind: 'failed', why: error.message };
  }
  const [first, ...more] = failures;
  if (first === undefined) return { kind: 'met' };
  return { kind: 'failed', why: more.length === 0 ? first : `[${[...failures].join(', ')}]` };
}
