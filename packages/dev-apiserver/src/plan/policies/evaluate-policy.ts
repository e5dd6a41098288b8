import { type CelValue, CostError, EvaluationError } from '../../model/cel/value.js';
import type {
  AdmissionInput,
  Objection,
  PolicySpec,
  PolicyVerdict,
  Validation,
} from '../../model/policy.js';
import type { Compiled } from '../cel/compiling.js';
import type { Frame } from '../cel/frame.js';
import { frameOf, withLazyVariables } from './admission-scope.js';
import type { CompiledValidation, PolicyParts } from './compile-policy.js';
import { Meter, OutOfBudget } from './meter.js';

/** Steps for the validations, and for the audit annotations. @see apiserver pkg/apis/cel/config.go */
const BUDGET = 10_000_000;
/** Bytes of the text of a `messageExpression`. */
const LONGEST_MESSAGE = 5_120;

const NOTHING: PolicyVerdict = { objections: [], annotationFailures: [] };

/**
 * Evaluates a policy for a write that it selects.
 *
 * @see Kubernetes 1.36 apiserver pkg/admission/plugin/policy/validating/validator.go
 */
export function evaluatePolicy(
  { conditions, variables, validations, annotations }: PolicyParts,
  { failurePolicy }: PolicySpec,
  input: AdmissionInput,
): PolicyVerdict {
  const verdict = conditions?.judge(input) ?? { kind: 'met' };
  if (verdict.kind === 'unmet') return NOTHING;
  const isIgnored = failurePolicy === 'Ignore';
  const failed = (message: string): PolicyVerdict =>
    isIgnored ? NOTHING : { objections: [failure(message)], annotationFailures: [] };
  if (verdict.kind === 'failed') return failed(verdict.why);
  const lazy = new Map([...variables].map(([name, one]) => [name, variableValue(name, one)]));
  const start = (): Readonly<{ meter: Meter; frame: Frame }> => {
    const meter = new Meter(BUDGET);
    return { meter, frame: withLazyVariables(frameOf(input, meter.budget), lazy) };
  };
  try {
    const all = judge(validations, start());
    const objections = isIgnored ? all.filter(({ kind }) => kind === 'denied') : all;
    const failures = annotate(annotations, start());
    return { objections, annotationFailures: isIgnored ? [] : failures };
  } catch (error) {
    if (!(error instanceof OutOfBudget)) throw error;
    return failed(error.message);
  }
}

function variableValue(name: string, { run }: Compiled): (frame: Frame) => CelValue {
  return (frame) => {
    try {
      return run(frame);
    } catch (error) {
      if (!(error instanceof EvaluationError || error instanceof CostError)) throw error;
      const why = `composited variable "${name}" fails to evaluate: ${error.message}`;
      throw error instanceof CostError ? new CostError(why) : new EvaluationError(why);
    }
  };
}

function failure(message: string): Objection {
  return { kind: 'failed', message, reason: '' };
}

function judge(
  validations: readonly CompiledValidation[],
  { meter, frame }: Readonly<{ meter: Meter; frame: Frame }>,
): readonly Objection[] {
  const broken = validations.flatMap((one): readonly (CompiledValidation | Objection)[] => {
    const outcome = meter.run(one.source.expression ?? '', one.rule, frame);
    if ('failure' in outcome) return [failure(outcome.failure)];
    return outcome.value === true ? [] : [one];
  });
  return broken.map((one) => {
    if ('kind' in one) return one;
    const { source, message: made } = one;
    const outcome =
      made === undefined ? undefined : meter.run(source.messageExpression ?? '', made, frame);
    const value = outcome !== undefined && 'value' in outcome ? outcome.value : '';
    const message = usable(value) ?? fixedMessage(source);
    return { kind: 'denied', message, reason: source.reason ?? 'Invalid' };
  });
}

/** A made message that is empty, too long or has several lines counts as none. */
function usable(value: CelValue): string | undefined {
  const text = typeof value === 'string' ? value.trim() : '';
  return text === '' || text.length > LONGEST_MESSAGE || text.includes('\n') ? undefined : text;
}

function fixedMessage({ message = '', expression = '' }: Validation): string {
  return message === '' ? `failed expression: ${expression.trim()}` : message.trim();
}

/** There is no audit log that keeps the values. */
function annotate(
  annotations: PolicyParts['annotations'],
  { meter, frame }: Readonly<{ meter: Meter; frame: Frame }>,
): readonly string[] {
  return annotations.flatMap(({ text, value }) => {
    const outcome = meter.run(text, value, frame);
    return 'failure' in outcome ? [outcome.failure] : [];
  });
}
