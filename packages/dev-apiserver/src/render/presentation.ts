import type { Kind } from '../model/kind.js';
import { type ApiObject, omit } from '../model/object.js';
import { asGoWrites } from './go-form.js';
import { renderTable } from './table.js';

export type Shape = 'object' | 'table' | 'metadata';

/**
 * Returns the first form in the Accept header that this server can write; undefined when there is
 * none.
 */
export function negotiateShape(accept: string): Shape | undefined {
  if (accept === '') return 'object';
  for (const entry of accept.split(',')) {
    const [type = '', ...parameters] = entry.split(';').map((part) => part.trim());
    if (type !== 'application/json' && type !== '*/*' && type !== 'application/*') continue;
    const as = parameters.find((parameter) => parameter.startsWith('as='))?.slice(3);
    if (as === undefined) return 'object';
    if (!parameters.includes('g=meta.k8s.io') || !parameters.includes('v=v1')) continue;
    if (as === 'Table') return 'table';
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return 'metadata';
  }
  return undefined;
}

export interface ShapeOptions {
  readonly shape: Shape;
  /** `None`, `Metadata` or `Object`: the part of the object in a table row. */
  readonly includeObject: string;
  readonly nowMs: number;
}

/** Renders one object in the requested form. */
export function presentObject(
  kind: Kind,
  object: ApiObject,
  options: ShapeOptions & Readonly<{ headers: boolean }>,
): unknown {
  if (options.shape === 'object') {
    // the answer of a subresource may be of another kind, like a Status or a Scale
    return object.kind === kind.kind ? asGoWrites(kind, object) : object;
  }
  if (options.shape === 'metadata') return partial(object);
  const isBookmark = object.metadata.uid === undefined;
  const { resourceVersion } = object.metadata;
  const { headers, includeObject, nowMs } = options;
  const table = { headers, includeObject, nowMs, list: { resourceVersion } };
  return renderTable(kind, isBookmark ? [] : [object], table);
}

export interface ListMeta {
  readonly resourceVersion: string;
  readonly continueToken: string;
  readonly remaining: number | undefined;
}

export function presentList(
  kind: Kind,
  items: readonly ApiObject[],
  options: ShapeOptions & Readonly<{ meta: ListMeta }>,
): unknown {
  const { meta } = options;
  const metadata = {
    resourceVersion: meta.resourceVersion,
    ...(meta.continueToken === '' ? {} : { continue: meta.continueToken }),
    ...(meta.remaining === undefined ? {} : { remainingItemCount: meta.remaining }),
  };
  if (options.shape === 'table') {
    const { includeObject, nowMs } = options;
    return renderTable(kind, items, { headers: true, includeObject, nowMs, list: metadata });
  }
  if (options.shape === 'metadata') {
    const apiVersion = 'meta.k8s.io/v1';
    return { kind: 'PartialObjectMetadataList', apiVersion, metadata, items: items.map(partial) };
  }
  const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
  // items of typed lists have no kind of their own
  const shown = items.map((item) =>
    kind.custom === undefined ? omit(asGoWrites(kind, item), 'apiVersion', 'kind') : item,
  );
  return { kind: `${kind.kind}List`, apiVersion, metadata, items: shown };
}

function partial({ metadata }: ApiObject): unknown {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
}
