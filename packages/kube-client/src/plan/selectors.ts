import { KubeError } from '../model/errors.js';

export type Labels = Readonly<Record<string, string>>;

type LabelOperator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';

/** One condition on a label; all of a selector's conditions must hold. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  /** Empty for `Exists` and `DoesNotExist`; one whole number for `Gt` and `Lt`. */
  readonly values: readonly string[];
}

/** The object form that specs carry: `matchLabels` and `matchExpressions`. */
export interface LabelSelectorSpec {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly Readonly<{
    key: string;
    operator: string;
    values?: readonly string[];
  }>[];
}

/** One condition on a field: `spec.nodeName=n1`, `status.phase!=Succeeded`. */
export interface FieldRequirement {
  readonly path: string;
  readonly equal: boolean;
  readonly value: string;
}

const KEY = /^[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?$/;
const SET = /^([^\s=!<>(),]+)\s+(in|notin)\s*\(([^)]*)\)$/;
const COMPARE = /^([^\s=!<>(),]+)\s*(==|=|!=|>|<)\s*(\S*)$/;
const EXISTS = /^(!?)\s*([^\s=!<>(),]+)$/;

/**
 * Parses the text form of a label selector: `app=web,tier!=db,env in (a,b),x,!y,n>3`.
 *
 * @throws {KubeError} `KUBE_INVALID`
 * @see Kubernetes 1.36 apimachinery/pkg/labels/selector.go
 * @example
 * ```ts
 * import { matchesLabels, parseLabelSelector } from '@nodeagent/kube-client';
 *
 * const selector = parseLabelSelector('app=web,tier in (front, edge),!legacy');
 * console.log(matchesLabels(selector, { app: 'web', tier: 'edge' })); // true
 * console.log(matchesLabels(selector, { app: 'web' })); // false
 * ```
 */
export function parseLabelSelector(text: string): readonly LabelRequirement[] {
  return splitOutsideParentheses(text).map((part) => parseRequirement(part, text));
}

function parseRequirement(part: string, whole: string): LabelRequirement {
  const set = SET.exec(part);
  if (set !== null && KEY.test(set[1] ?? '')) {
    const [, key = '', word, list = ''] = set;
    const values = list.split(',').map((value) => value.trim());
    return { key, operator: word === 'in' ? 'In' : 'NotIn', values };
  }
  const compared = COMPARE.exec(part);
  if (compared !== null && KEY.test(compared[1] ?? '')) {
    const [, key = '', sign = '', value = ''] = compared;
    return { key, operator: COMPARISONS[sign] ?? 'In', values: [value] };
  }
  const exists = EXISTS.exec(part);
  if (exists !== null && KEY.test(exists[2] ?? '')) {
    const [, not, key = ''] = exists;
    return { key, operator: not === '!' ? 'DoesNotExist' : 'Exists', values: [] };
  }
  throw new KubeError('KUBE_INVALID', `label selector "${whole}": cannot read "${part}"`);
}

const COMPARISONS: Readonly<Record<string, LabelOperator>> = {
  '=': 'In',
  '==': 'In',
  '!=': 'NotIn',
  '>': 'Gt',
  '<': 'Lt',
};

/** A parenthesis that is never closed does not group anything. */
function splitOutsideParentheses(text: string): readonly string[] {
  const parts: string[] = [];
  const lastClose = text.lastIndexOf(')');
  let start = 0;
  let isInside = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '(' && at < lastClose) isInside = true;
    else if (char === ')') isInside = false;
    else if (char === ',' && !isInside) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/** True if the labels fulfil every requirement; without requirements, always. */
export function matchesLabels(requirements: readonly LabelRequirement[], labels: Labels): boolean {
  return requirements.every((requirement) => matchesRequirement(requirement, labels));
}

function matchesRequirement({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0]);
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0]);
  }
}

/**
 * Returns the conditions of a spec's selector. By the API's convention, an empty selector matches
 * everything and an absent one nothing.
 *
 * @throws {KubeError} `KUBE_INVALID` for an unknown operator
 */
export function selectorRequirements(
  selector: LabelSelectorSpec | undefined,
): readonly LabelRequirement[] | undefined {
  if (selector === undefined) return undefined;
  const equal = Object.entries(selector.matchLabels ?? {}).map(
    ([key, value]): LabelRequirement => ({ key, operator: 'In', values: [value] }),
  );
  const expressions = (selector.matchExpressions ?? []).map(
    ({ key, operator, values = [] }): LabelRequirement => {
      if (!isOperator(operator)) {
        throw new KubeError('KUBE_INVALID', `label selector: "${operator}" is not an operator`);
      }
      return { key, operator, values };
    },
  );
  return [...equal, ...expressions];
}

function isOperator(text: string): text is LabelOperator {
  return ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'].includes(text);
}

/** Reports whether a spec's selector matches an object with these labels. */
export function selects(selector: LabelSelectorSpec | undefined, labels: Labels = {}): boolean {
  const requirements = selectorRequirements(selector);
  return requirements !== undefined && matchesLabels(requirements, labels);
}

/**
 * Parses a field selector: `spec.nodeName=n1,status.phase!=Failed`.
 *
 * @throws {KubeError} `KUBE_INVALID`
 */
export function parseFieldSelector(text: string): readonly FieldRequirement[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const found = /^([^=!\s]+)\s*(==|=|!=)(.*)$/.exec(part);
      if (found === null) {
        throw new KubeError('KUBE_INVALID', `field selector "${text}": cannot read "${part}"`);
      }
      const [, path = '', sign, value = ''] = found;
      return { path, equal: sign !== '!=', value: value.trimStart() };
    });
}

/** Compares as the API server does: an absent field equals the empty text. */
export function matchesFields(requirements: readonly FieldRequirement[], object: unknown): boolean {
  return requirements.every(({ path, equal, value }) => {
    const actual = path.split('.').reduce<unknown>((at, name) => memberOf(at, name), object);
    return (textOf(actual) === value) === equal;
  });
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}
