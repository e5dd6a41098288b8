import {
  HOSTILE_KEYS,
  HOSTILE_NUMBERS,
  HOSTILE_STRINGS,
  HOSTILE_VALUES,
  LEGAL_KEYS,
} from './hostile.ts';
import { type Edit, type Mutator, mutator, pick } from './mutator.ts';

export type Path = readonly (string | number)[];

export interface TreeOptions {
  /**
   * `any`: members of any kind anywhere. `typed`: values that a server with typed structs can send,
   * i.e. members may be absent, null, empty or absurd, but keep their kind.
   */
  readonly kinds?: 'any' | 'typed';
  /** Members that never change. */
  readonly keep?: (path: Path) => boolean;
  /** Members of `typed` trees that may be absurd but are always present. */
  readonly required?: (path: Path) => boolean;
}

interface Place {
  readonly path: Path;
  readonly value: unknown;
}

type Change = (place: Place, edit: Edit, places: readonly Place[]) => unknown;

/** Marks a member to be removed. */
const ABSENT = Symbol('absent');

/**
 * Mutates JSON values: members are missing, null, of wrong kinds, absurd, deep, or have hostile
 * names.
 */
export function mutatedTrees(
  samples: readonly unknown[],
  { kinds = 'any', keep = () => false, required = () => false }: TreeOptions = {},
): Mutator<unknown> {
  const places = new Map<unknown, readonly Place[]>();
  const placesOf = (sample: unknown): readonly Place[] => {
    let known = places.get(sample);
    if (known === undefined) {
      known = listPlaces(sample).filter(({ path }) => !keep(path));
      places.set(sample, known);
    }
    return known;
  };
  const typed = typedChanges((path) => keep(path) || required(path));
  const changes = kinds === 'any' ? [...typed, ...ANY] : typed;
  return mutator(samples, (value, edit, sample) => {
    const all = placesOf(sample);
    if (all.length === 0) return undefined;
    const { path } = pick(all, edit.place);
    const found = valueAt(value, path);
    if (found === ABSENT) return undefined;
    const [name, change] = pick(changes, edit.change);
    const next = change({ path, value: found }, edit, all);
    if (next === undefined) return undefined;
    return { value: replaceAt(value, path, next), step: `${path.join('.') || '(root)'}: ${name}` };
  });
}

type IsRequired = (path: Path) => boolean;

function typedChanges(isRequired: IsRequired): readonly (readonly [string, Change])[] {
  const absent: Change = ({ path }) => (path.length === 0 || isRequired(path) ? undefined : ABSENT);
  const nothing: Change = ({ path }) =>
    path.length === 0 || typeof path.at(-1) === 'number' || isRequired(path) ? undefined : null;
  const absurd: Change = ({ path, value }, { detail }) => {
    if (typeof value === 'string') return pick(HOSTILE_STRINGS, detail);
    if (typeof value === 'number') return pick(INTEGERS, detail);
    if (typeof value === 'boolean') return !value;
    if (Array.isArray(value)) return pick(ARRAY_CHANGES, detail)(value as readonly unknown[]);
    if (!isFields(value)) return undefined;
    return fieldsOf(Object.entries(value).filter(([key]) => isRequired([...path, key])));
  };
  return [
    ['absent', absent],
    ['null', nothing],
    ['absurd', absurd],
    ['absurd', absurd],
    ['a legal name that JavaScript knows', legalName],
    ['one more legal name that JavaScript knows', legalMember],
  ];
}

/** The numbers of the API's structs have no fractions, and 64 bits. */
const INTEGERS = HOSTILE_NUMBERS.filter(
  (number) => Number.isInteger(number) && Math.abs(number) <= 2 ** 63,
);

const ARRAY_CHANGES: readonly ((items: readonly unknown[]) => unknown)[] = [
  () => [],
  (items) => [...items, ...items],
  (items) => items.toReversed(),
  (items) => items.slice(1),
  (items) => Array.from({ length: 300 }, () => items[0] ?? null),
];

const renamed =
  (names: readonly string[]): Change =>
  ({ value }, { detail }) => {
    if (!isFields(value)) return undefined;
    const keys = Object.keys(value);
    if (keys.length === 0) return undefined;
    const from = pick(keys, detail);
    const to = pick(names, Math.floor(detail / keys.length));
    return fieldsOf(Object.entries(value).map(([key, each]) => [key === from ? to : key, each]));
  };

/** Replaces a key of a map, or a member `name`, by a legal name with a meaning in JavaScript. */
const legalName: Change = (place, edit, places) => {
  const named = typeof place.value === 'string' && NAMES.has(String(place.path.at(-1)));
  if (named) return pick(LEGAL_KEYS, edit.detail);
  return isMap(place) ? renamed(LEGAL_KEYS)(place, edit, places) : undefined;
};

/** Members of API objects that are maps: users choose their keys. */
const MAPS = new Set([
  'annotations',
  'binaryData',
  'data',
  'labels',
  'limits',
  'matchLabels',
  'nodeSelector',
  'requests',
  'selector',
  'volumeAttributes',
]);

function isMap({ path, value }: Place): boolean {
  return MAPS.has(String(path.at(-1))) && isFields(value);
}

const NAMES = new Set(['name', 'key', 'containerName', 'portName', 'port', 'mountPath', 'path']);

const legalMember: Change = (place, { detail }) => {
  const { value } = place;
  if (!isMap(place) || !isFields(value)) return undefined;
  return fieldsOf([...Object.entries(value), [pick(LEGAL_KEYS, detail), '1']]);
};

const nullItem: Change = ({ value }, { detail }) =>
  Array.isArray(value) ? value.toSpliced(detail % (value.length + 1), 0, null) : undefined;

const ANY: readonly (readonly [string, Change])[] = [
  ['null', () => null],
  ['null item', nullItem],
  ['hostile value', (_, { detail }) => pick(HOSTILE_VALUES, detail)],
  ['hostile value', (_, { detail }) => pick(HOSTILE_VALUES, detail)],
  ['hostile text', (_, { detail }) => pick(HOSTILE_STRINGS, detail)],
  ['hostile number', (_, { detail }) => pick(HOSTILE_NUMBERS, detail)],
  ['hostile name', renamed(HOSTILE_KEYS)],
  [
    'one more hostile name',
    ({ value }, { detail }) => {
      if (!isFields(value)) return undefined;
      const more = pick(HOSTILE_VALUES, Math.floor(detail / HOSTILE_KEYS.length));
      return fieldsOf([...Object.entries(value), [pick(HOSTILE_KEYS, detail), more]]);
    },
  ],
  ['another member', (_, { detail }, places) => pick(places, detail).value],
  ['in a list', ({ value }) => [value]],
];

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Creates own members whatever their names, as `JSON.parse` does: `__proto__` sets no prototype.
 */
function fieldsOf(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [key, value] of entries) {
    if (key !== '__proto__') fields[key] = value;
    else {
      Object.defineProperty(fields, key, {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
  }
  return fields;
}

function listPlaces(root: unknown): readonly Place[] {
  const places: Place[] = [];
  const visit = (value: unknown, path: Path): void => {
    places.push({ path, value });
    if (Array.isArray(value)) value.forEach((item, i) => visit(item, [...path, i]));
    else if (isFields(value)) {
      for (const [key, member] of Object.entries(value)) visit(member, [...path, key]);
    }
  };
  visit(root, []);
  return places;
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return ABSENT;
    value = (value as Readonly<Record<string | number, unknown>>)[key];
  }
  return value;
}

/** Copies the objects on the path and shares the rest. */
function replaceAt(value: unknown, path: Path, next: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return next;
  if (Array.isArray(value)) {
    const items = [...(value as readonly unknown[])];
    const index = Number(key);
    if (rest.length === 0 && next === ABSENT) items.splice(index, 1);
    else items[index] = replaceAt(items[index], rest, next);
    return items;
  }
  const fields = value as Readonly<Record<string, unknown>>;
  return fieldsOf(
    Object.entries(fields).flatMap(([name, member]) => {
      if (name !== String(key)) return [[name, member] as const];
      if (rest.length === 0 && next === ABSENT) return [];
      return [[name, replaceAt(member, rest, next)] as const];
    }),
  );
}
