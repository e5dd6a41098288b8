import { isObject } from '../../model/object.js';

type Step =
  | Readonly<{ kind: 'field'; name: string }>
  | Readonly<{ kind: 'index'; index: number }>
  | Readonly<{ kind: 'all' }>
  | Readonly<{ kind: 'filter'; path: readonly Step[]; equal: boolean; value: unknown }>;

const STEP =
  /\.((?:\\.|[^.[\]\\])+)|\['((?:[^'\\]|\\.)*)'\]|\[(-?\d+)\]|(\.?\[?\*\]?)|\[\?\(@((?:\.(?:\\.|[^.[\]\s=!\\])+)+)\s*(==|!=)\s*("[^"]*"|'[^']*'|[^)\s]+)\s*\)\]/y;

/**
 * Reads the part of JSONPath that printer columns use: fields, `['a.b']`, indices, `[*]` and
 * `[?(@.type=="Ready")]`.
 *
 * @returns undefined for any other text
 * @see Kubernetes 1.36 client-go util/jsonpath
 */
export function parseJsonPath(text: string): readonly Step[] | undefined {
  const path = text.startsWith('$') ? text.slice(1) : text;
  const steps: Step[] = [];
  STEP.lastIndex = 0;
  let at = 0;
  while (at < path.length) {
    STEP.lastIndex = at;
    const found = STEP.exec(path);
    if (found === null) return undefined;
    const step = stepOf(found);
    if (step === undefined) return undefined;
    steps.push(step);
    at += found[0].length;
  }
  return steps;
}

function stepOf([, name, quoted, index, all, path, operator, value]: RegExpExecArray):
  Step | undefined {
  const field = name ?? quoted;
  if (name === '*' || all !== undefined) return { kind: 'all' };
  if (field !== undefined) return { kind: 'field', name: field.replace(/\\(.)/g, '$1') };
  if (index !== undefined) return { kind: 'index', index: Number(index) };
  const inner = parseJsonPath(path ?? '');
  if (inner === undefined || value === undefined) return undefined;
  return { kind: 'filter', path: inner, equal: operator === '==', value: literal(value) };
}

function literal(text: string): unknown {
  if (/^["']/.test(text)) return text.slice(1, -1);
  if (text === 'true' || text === 'false') return text === 'true';
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}

/** Returns every value at the path; none where a field is missing. */
export function valuesAt(steps: readonly Step[], value: unknown): readonly unknown[] {
  let values: readonly unknown[] = [value];
  for (const step of steps) values = values.flatMap((one) => next(step, one));
  return values;
}

function next(step: Step, value: unknown): readonly unknown[] {
  if (step.kind === 'field') {
    return isObject(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
  }
  if (step.kind === 'all' && isObject(value)) return Object.values(value);
  if (!Array.isArray(value)) return [];
  const list: readonly unknown[] = value;
  if (step.kind === 'all') return list;
  if (step.kind === 'index') return list.at(step.index) === undefined ? [] : [list.at(step.index)];
  return list.filter(
    (item) => valuesAt(step.path, item).some((found) => found === step.value) === step.equal,
  );
}
