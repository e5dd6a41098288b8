import { type ApiObject, textAt, valueAt } from '../model/object.js';
import { containerTexts, labelsText, orNone, since } from './human.js';

export interface Column {
  readonly name: string;
  readonly type?: string;
  readonly format?: string;
  /** The column's name when absent. */
  readonly description?: string;
  /** 1 for columns shown only with `-o wide`. */
  readonly priority?: number;
  readonly cell: (object: ApiObject, nowMs: number) => unknown;
}

export const NAME: Column = { name: 'Name', format: 'name', cell: ({ metadata }) => metadata.name };
export const AGE: Column = {
  name: 'Age',
  cell: (object, nowMs) => since(object, 'metadata.creationTimestamp', nowMs),
};

export function text(name: string, path: string, priority = 0): Column {
  return { name, priority, cell: (object) => textAt(object, path) };
}

export function orNoneAt(name: string, path: string, priority = 0): Column {
  return { name, priority, cell: (object) => orNone(textAt(object, path)) };
}

export function count(name: string, path: string): Column {
  return { name, type: 'integer', cell: (object) => Number(valueAt(object, path) ?? 0) };
}

export function size(name: string, path: string): Column {
  return {
    name,
    type: 'integer',
    cell: (object) => Object.keys(valueAt(object, path) ?? {}).length,
  };
}

export function joined(name: string, path: string): Column {
  return {
    name,
    cell: (object) => {
      const value = valueAt(object, path);
      return Array.isArray(value) ? value.map(String).join(',') : '';
    },
  };
}

export const CONTAINERS: Column = {
  name: 'Containers',
  priority: 1,
  cell: (object) => containerTexts(object, 'name'),
};
export const IMAGES: Column = {
  name: 'Images',
  priority: 1,
  cell: (object) => containerTexts(object, 'image'),
};
export const SELECTOR: Column = {
  name: 'Selector',
  priority: 1,
  cell: (object) =>
    labelsText(valueAt(object, 'spec.selector.matchLabels') ?? valueAt(object, 'spec.selector')),
};
