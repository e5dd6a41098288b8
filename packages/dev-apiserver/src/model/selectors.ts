import { statusError } from './errors.js';

export type LabelRequirement =
  | Readonly<{ kind: 'exists' | 'absent'; key: string }>
  | Readonly<{ kind: 'in' | 'not-in'; key: string; values: readonly string[] }>
  | Readonly<{ kind: 'above' | 'below'; key: string; value: number }>;

export type Labels = Readonly<Record<string, string>>;

const EXISTS = /^(!?)\s*([A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?)$/;
const EQUALS = /^([A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?)\s*(==|=|!=)\s*([-A-Za-z0-9_.]*)$/;
const SET = /^([A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?)\s+(in|notin)\s*\(([^()]*)\)$/;
const COMPARES = /^([A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?)\s*([<>])\s*(-?\d+)$/;

/**
 * Reads `app=web,tier in (a, b),!skip`.
 *
 * @throws {StatusError} 400 for text that is not a selector
 * @see Kubernetes apimachinery pkg/labels/selector.go
 */
export function parseLabelSelector(text: string): readonly LabelRequirement[] {
  return splitOutsideBrackets(text).map((part): LabelRequirement => {
    const exists = EXISTS.exec(part);
    if (exists?.[2] !== undefined) {
      return { kind: exists[1] === '!' ? 'absent' : 'exists', key: exists[2] };
    }
    const equals = EQUALS.exec(part);
    if (equals?.[1] !== undefined) {
      return {
        kind: equals[2] === '!=' ? 'not-in' : 'in',
        key: equals[1],
        values: [equals[3] ?? ''],
      };
    }
    const set = SET.exec(part);
    if (set?.[1] !== undefined) {
      const values = (set[3] ?? '').split(',').map((value) => value.trim());
      return { kind: set[2] === 'in' ? 'in' : 'not-in', key: set[1], values };
    }
    const compares = COMPARES.exec(part);
    if (compares?.[1] !== undefined) {
      const value = Number(compares[3]);
      return { kind: compares[2] === '>' ? 'above' : 'below', key: compares[1], value };
    }
    throw statusError.badRequest(`unable to parse requirement: found '${part}'`);
  });
}

function splitOutsideBrackets(text: string): readonly string[] {
  const parts = text.match(/(?:[^,(]|\([^)]*\)?)+/g) ?? [];
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/** An absent label satisfies `!=` and `notin`. */
export function matchesLabels(selector: readonly LabelRequirement[], labels: Labels): boolean {
  return selector.every((requirement) => {
    const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
    switch (requirement.kind) {
      case 'exists':
        return value !== undefined;
      case 'absent':
        return value === undefined;
      case 'in':
        return value !== undefined && requirement.values.includes(value);
      case 'not-in':
        return value === undefined || !requirement.values.includes(value);
      case 'above':
        return value !== undefined && Number(value) > requirement.value;
      case 'below':
        return value !== undefined && Number(value) < requirement.value;
    }
  });
}

export interface FieldRequirement {
  readonly path: string;
  readonly equal: boolean;
  readonly value: string;
}

/** Reads `spec.nodeName=n1,status.phase!=Failed`. @throws {StatusError} 400 */
export function parseFieldSelector(text: string): readonly FieldRequirement[] {
  return text
    .split(/(?<!\\),/)
    .filter((part) => part !== '')
    .map((part) => {
      const found = /^([^=!]+)(==|=|!=)(.*)$/s.exec(part);
      if (found?.[1] === undefined) {
        throw statusError.badRequest(
          `unable to parse field selector: invalid selector: '${part}'; can't understand '${part}'`,
        );
      }
      const value = (found[3] ?? '').replace(/\\([\\,=])/g, '$1');
      return { path: found[1].trim(), equal: found[2] !== '!=', value };
    });
}
