import jsonPatch, { type Operation } from 'fast-json-patch';

import { StatusError, statusError } from '../model/errors.js';
import { isObject, type JsonObject } from '../model/object.js';

/** RFC 7386: null deletes, objects merge, everything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged: JsonObject = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(merged, key);
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}

/** RFC 6902. @throws {StatusError} 400 for a malformed patch, 422 for one that does not apply */
export function applyJsonPatch(target: JsonObject, patch: unknown): unknown {
  if (!Array.isArray(patch)) {
    throw statusError.badRequest('error decoding patch: a JSON patch is a list of operations');
  }
  const operations: readonly Operation[] = patch;
  try {
    return jsonPatch.applyPatch(structuredClone(target), operations, true, false).newDocument;
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new StatusError(
      422,
      'Invalid',
      `the server rejected our request due to an error in our request: ${why}`,
    );
  }
}
