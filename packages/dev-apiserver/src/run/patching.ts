import { decodeObject, reportUnknown } from '../codec/decode-object.js';
import type { ApiRequest } from '../model/api-request.js';
import { statusError } from '../model/errors.js';
import type { Kind } from '../model/kind.js';
import { apiVersionOf } from '../model/kinds.js';
import { type ApiObject, isObject, toApiObject } from '../model/object.js';
import type { WriteContext } from '../model/request.js';
import { applyConfiguration } from '../plan/managed-fields.js';
import type { Part } from '../plan/object-parts.js';
import { applyJsonPatch, mergePatch } from '../plan/patch.js';
import { strategicMerge } from '../plan/strategic-merge.js';
import type { Mutation } from './registry.js';

const JSON_PATCH = 'application/json-patch+json';
const MERGE = 'application/merge-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';
const APPLY = ['application/apply-patch+yaml', 'application/apply-patch+json'];

function patchType({ contentType }: Pick<ApiRequest, 'contentType'>): string {
  return contentType.split(';')[0]?.trim() ?? '';
}

export function isApply(request: Pick<ApiRequest, 'contentType'>): boolean {
  return APPLY.includes(patchType(request));
}

/**
 * Applies a PATCH request to an object.
 *
 * @throws {StatusError} 415 for other content types, 400 for an invalid patch
 */
export function patched(
  kind: Kind,
  request: ApiRequest,
  part: Part,
  context: Pick<WriteContext, 'fieldManager' | 'force'> & Readonly<{ warnings: string[] }>,
): Readonly<{ mutate: Mutation; creates: boolean }> {
  const type = patchType(request);
  const { body } = request;
  const { query } = request;
  const { warnings } = context;
  const finish = (value: unknown): ApiObject => {
    if (!isObject(value)) throw statusError.badRequest('the patch does not leave an object');
    const { object, unknown } = decodeObject(kind, value);
    reportUnknown(kind, unknown, { query, warnings });
    return toApiObject(object);
  };
  if (type === JSON_PATCH) {
    return { creates: false, mutate: (old) => finish(applyJsonPatch(plain(old), body)) };
  }
  if (APPLY.includes(type)) {
    if (!isObject(body)) throw statusError.badRequest('an apply patch is an object');
    const subresource = part === 'main' ? '' : part;
    const decoded = decodeObject(kind, body);
    reportUnknown(kind, decoded.unknown, { query, warnings });
    const applied = { apiVersion: apiVersionOf(kind), ...decoded.object };
    return {
      creates: part === 'main',
      mutate: (old) => {
        const options = { manager: context.fieldManager, force: context.force, subresource };
        return applyConfiguration(kind, old, toApiObject(applied), options);
      },
    };
  }
  if (!isObject(body)) throw statusError.badRequest('a merge patch is an object');
  if (type === MERGE) {
    return { creates: false, mutate: (old) => finish(mergePatch(plain(old), body)) };
  }
  if (type === STRATEGIC && kind.custom === undefined) {
    return { creates: false, mutate: (old) => finish(strategicMerge(kind.type, plain(old), body)) };
  }
  const strategic = kind.custom === undefined ? [STRATEGIC] : [];
  throw statusError.unsupportedMediaType([JSON_PATCH, MERGE, ...strategic, ...APPLY]);
}

function plain(old: ApiObject | undefined): Record<string, unknown> {
  return old ?? {};
}
