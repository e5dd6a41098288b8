import { parseTimestamp } from '@nodeagent/base';

import type { CustomColumn, CustomKind } from '../model/custom-kind.js';
import { parseJsonPath, valuesAt } from '../plan/custom/json-path.js';
import { type Column, NAME } from './columns.js';
import { humanDuration } from './human.js';

/** @see Kubernetes 1.36 apiextensions-apiserver pkg/registry/customresource/tableconvertor */
export function customColumns({ columns }: CustomKind): readonly Column[] {
  return [NAME, ...columns.map(customColumn)];
}

function customColumn(column: CustomColumn): Column {
  const { name, type, jsonPath, format, priority } = column;
  const path = parseJsonPath(jsonPath) ?? [];
  return {
    name,
    type,
    ...(format === undefined ? {} : { format }),
    ...(priority === undefined ? {} : { priority }),
    description:
      column.description ?? `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    cell: (object, nowMs) => cellOf(type, valuesAt(path, object)[0], nowMs),
  };
}

/** A value of another type than the column's shows as nothing. */
function cellOf(type: string, value: unknown, nowMs: number): unknown {
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'string':
      return typeof value === 'string' ? value : JSON.stringify(value);
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    default: {
      const atMs = typeof value === 'string' ? parseTimestamp(value) : undefined;
      return atMs === undefined ? '<invalid>' : humanDuration(nowMs - atMs);
    }
  }
}
