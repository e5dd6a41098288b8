import {
  CelOptional,
  type CelValue,
  CostError,
  EvaluationError,
  NONE,
} from '../../../model/cel/value.js';
import type { RuleResult } from '../../../model/custom-kind.js';
import { field, type FieldError } from '../../../model/errors.js';
import type { ValidationRule } from '../../../model/json-schema.js';
import { deepEqual, isObject, type JsonObject } from '../../../model/object.js';
import { type Budget, Frame } from '../../cel/frame.js';
import type { CompiledRule, RuleNode } from './compile-rules.js';
import type { Shape } from './shape.js';

/** Steps for all rules of an object, and for one of them. @see apiserver pkg/apis/cel/config.go */
const OBJECT_BUDGET = 10_000_000;
const RULE_BUDGET = 1_000_000;
const LONGEST_MESSAGE = 5_120;

/** A value, and what it was before; `was` is undefined when it has no counterpart. */
interface Subject {
  readonly value: unknown;
  readonly was: unknown;
  /** True when this value, or what surrounds it, is as before. */
  readonly isUnchanged: boolean;
  readonly path: string;
}

interface Outcome {
  readonly errors: FieldError[];
  readonly unchanged: FieldError[];
  readonly budget: Budget;
}

/**
 * Evaluates the rules of an object.
 *
 * @param old the state before an update
 * @see Kubernetes 1.36 apiextensions-apiserver pkg/apiserver/schema/cel/validation.go
 */
export function evaluateRules(
  node: RuleNode,
  object: JsonObject,
  old: JsonObject | undefined,
): RuleResult {
  const outcome: Outcome = { errors: [], unchanged: [], budget: { left: OBJECT_BUDGET } };
  const isUnchanged = old !== undefined && deepEqual(object, old);
  try {
    visit(node, { value: object, was: old, isUnchanged, path: '' }, outcome);
  } catch (error) {
    if (!(error instanceof CostError)) throw error;
  }
  return outcome;
}

function visit(node: RuleNode, subject: Subject, outcome: Outcome): void {
  const { value, was } = subject;
  if (value === undefined || value === null) return;
  const { shape } = node;
  if (shape !== undefined)
    for (const rule of node.rules) evaluate(rule, { node, shape }, subject, outcome);
  for (const inner of node.allOf) visit(inner, subject, outcome);
  if (Array.isArray(value)) visitItems(node, { ...subject, value }, outcome);
  else if (isObject(value)) {
    const before = isObject(was) ? was : {};
    for (const [name, item] of Object.entries(value)) {
      const property = node.properties.get(name);
      const next = property ?? node.values;
      if (next === undefined) continue;
      const path = property === undefined ? `${subject.path}[${name}]` : inside(subject.path, name);
      visit(next, below(subject, item, before[name], path), outcome);
    }
  }
}

/** Only items of keyed lists have a counterpart in the old object. */
function visitItems(
  { items, schema }: RuleNode,
  subject: Subject & Readonly<{ value: readonly unknown[] }>,
  outcome: Outcome,
): void {
  if (items === undefined) return;
  const keys =
    schema['x-kubernetes-list-type'] === 'map' ? schema['x-kubernetes-list-map-keys'] : undefined;
  const before: readonly unknown[] = Array.isArray(subject.was) ? subject.was : [];
  subject.value.forEach((item, index) => {
    const was = keys === undefined ? undefined : before.find((one) => hasSameKeys(keys, one, item));
    visit(items, below(subject, item, was, `${subject.path}[${index}]`), outcome);
  });
}

function hasSameKeys(keys: readonly string[], a: unknown, b: unknown): boolean {
  return isObject(a) && isObject(b) && keys.every((key) => deepEqual(a[key], b[key]));
}

function below(subject: Subject, value: unknown, was: unknown, path: string): Subject {
  const isUnchanged = subject.isUnchanged || (was !== undefined && deepEqual(value, was));
  return { value, was, isUnchanged, path };
}

function inside(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function evaluate(
  compiled: CompiledRule,
  { node, shape }: Readonly<{ node: RuleNode; shape: Shape }>,
  subject: Subject,
  outcome: Outcome,
): void {
  const { source, usesOldSelf } = compiled;
  const hasOld = subject.was !== undefined && subject.was !== null;
  // a rule about a change has nothing to say about a new value
  if (usesOldSelf && !hasOld && source.optionalOldSelf !== true) return;
  const path = subject.path === '' ? '<nil>' : subject.path;
  const type = node.schema.type ?? '';
  const left = Math.min(RULE_BUDGET, outcome.budget.left);
  if (left <= 0) {
    const why =
      'validation failed due to running out of cost budget, no further validation rules will be run';
    outcome.errors.push(field.invalid(path, type, why));
    throw new CostError(why);
  }
  const budget = { left };
  try {
    const frame = frameOf(shape, subject, source, budget);
    if (compiled.rule.run(frame) === true) return;
    const error = failure(compiled, subject, type, detailOf(compiled, frame));
    const list = !usesOldSelf && subject.isUnchanged ? outcome.unchanged : outcome.errors;
    list.push(error);
  } catch (error) {
    if (!(error instanceof EvaluationError || error instanceof CostError)) throw error;
    outcome.errors.push(field.invalid(path, type, evaluationProblem(error, source)));
    if (error instanceof CostError) throw error;
  } finally {
    outcome.budget.left -= left - budget.left;
  }
}

function frameOf(
  shape: Shape,
  { value, was }: Subject,
  { optionalOldSelf }: ValidationRule,
  budget: Budget,
): Frame {
  const frame = new Frame(budget, 'self', shape.read(value));
  const old = was === undefined || was === null ? undefined : shape.read(was);
  if (optionalOldSelf === true) {
    return frame.with('oldSelf', old === undefined ? NONE : new CelOptional(old));
  }
  return old === undefined ? frame : frame.with('oldSelf', old);
}

/** The text of `messageExpression` when it gives one, else `message`, else the rule. */
function detailOf({ message, source }: CompiledRule, frame: Frame): string {
  const made = message === undefined ? undefined : madeMessage(() => message.run(frame));
  if (made !== undefined) return made;
  return (source.message ?? '') === '' ? `failed rule: ${source.rule.trim()}` : nameOf(source);
}

function madeMessage(run: () => CelValue): string | undefined {
  try {
    const value = run();
    const text = typeof value === 'string' ? value.trim() : '';
    return text === '' || text.includes('\n') || text.length > LONGEST_MESSAGE ? undefined : text;
  } catch (error) {
    if (error instanceof EvaluationError) return undefined;
    throw error;
  }
}

function nameOf({ message = '', rule }: ValidationRule): string {
  return message === '' ? rule.trim() : message.trim();
}

function evaluationProblem(error: Error, source: ValidationRule): string {
  const name = nameOf(source);
  if (error instanceof CostError) {
    return `'${error.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${name}`;
  }
  if (error.message.startsWith('no such overload')) {
    return `'${error.message}': call arguments did not match a supported operator, function or macro signature for rule: ${name}`;
  }
  return `${error.message} evaluating rule: ${name}`;
}

/** Objects and lists are not shown in the error. */
function failure(
  { source, fieldPath }: CompiledRule,
  { value, path }: Subject,
  type: string,
  detail: string,
): FieldError {
  const full = fieldPath === '' ? path : inside(path, fieldPath);
  const at = full === '' ? '<nil>' : full;
  const isHidden = type === 'object' || type === 'array';
  switch (source.reason) {
    case 'FieldValueForbidden':
      return field.forbidden(at, detail);
    case 'FieldValueRequired':
      return field.required(at, detail);
    case 'FieldValueDuplicate':
      return isHidden
        ? { reason: 'FieldValueDuplicate', field: at, message: 'Duplicate value' }
        : field.duplicate(at, value);
    default:
      return isHidden
        ? { reason: 'FieldValueInvalid', field: at, message: `Invalid value: ${detail}` }
        : field.invalid(at, value, detail);
  }
}
