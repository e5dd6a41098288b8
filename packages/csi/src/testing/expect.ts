import type { CsiErrorCode } from '../model/errors.js';
import { isCsiError } from '../model/errors.js';

/** @throws if the condition is false */
export function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

/** @throws unless the call fails with one of the codes */
export async function fails(
  call: Promise<unknown>,
  what: string,
  ...codes: readonly CsiErrorCode[]
): Promise<void> {
  const outcome = await call.then(
    () => 'succeeded',
    (error: unknown) => {
      if (isCsiError(error, ...codes)) return undefined;
      return isCsiError(error) ? `failed with ${error.code}: ${error.detail}` : String(error);
    },
  );
  if (outcome !== undefined) throw new Error(`${what}: ${outcome}, not ${codes.join(' or ')}`);
}
