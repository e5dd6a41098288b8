import { Buffer } from 'node:buffer';

import { statusError } from '../model/errors.js';
import { isObject } from '../model/object.js';

export interface ContinueToken {
  /** The version that all pages show; 0 means the present state. */
  readonly version: number;
  /** The last key of the previous page. */
  readonly after: string;
}

export function encodeContinue({ version, after }: ContinueToken): string {
  const json = JSON.stringify({ v: 'meta.k8s.io/v1', rv: version, start: after });
  return Buffer.from(json).toString('base64url');
}

/** @throws {StatusError} 400 */
export function decodeContinue(text: string): ContinueToken {
  try {
    const token: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (isObject(token) && typeof token['rv'] === 'number' && typeof token['start'] === 'string') {
      return { version: token['rv'], after: token['start'] };
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw statusError.badRequest('continue key is not valid: it was not made by this server');
}
