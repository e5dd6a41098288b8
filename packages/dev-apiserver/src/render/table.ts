import type { Kind } from '../model/kind.js';
import type { ApiObject } from '../model/object.js';
import type { Column } from './columns.js';
import { customColumns } from './custom-columns.js';
import { PRINTERS } from './printers.js';

export interface TableOptions {
  readonly includeObject: string;
  readonly nowMs: number;
  /** Watches send the column definitions with their first event only. */
  readonly headers: boolean;
  readonly list: unknown;
}

/** Renders a `meta.k8s.io/v1` Table, which `kubectl get` requests. */
export function renderTable(
  kind: Kind,
  objects: readonly ApiObject[],
  options: TableOptions,
): unknown {
  const columns = columnsOf(kind);
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: options.list,
    columnDefinitions: options.headers
      ? columns.map(({ name, type = 'string', format = '', priority = 0, description = name }) => {
          return { name, type, format, description, priority };
        })
      : null,
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.cell(object, options.nowMs)),
      object: rowObject(object, options.includeObject),
    })),
  };
}

function columnsOf(kind: Kind): readonly Column[] {
  if (kind.custom !== undefined) return customColumns(kind.custom);
  return PRINTERS[kind.storage] ?? PRINTERS['*'] ?? [];
}

function rowObject(object: ApiObject, include: string): unknown {
  if (include === 'None') return null;
  if (include === 'Object') return object;
  const { metadata } = object;
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
}
