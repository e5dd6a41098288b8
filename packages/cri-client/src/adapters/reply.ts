import { CriError, isCriError } from '../model/errors.js';

interface Named {
  readonly name: string;
}

/** Refuses a reply without a field that callers rely on, so that they never act on half a reply. */
export function complete<T>(
  { name }: Named,
  reply: T,
  missingIn: (reply: T) => string | undefined,
): T {
  const missing = missingIn(reply);
  if (missing === undefined) return reply;
  throw new CriError('CRI_BAD_REPLY', `the runtime left out ${missing}`, { method: name });
}

export function nonEmpty(method: Named, field: string, value: string): string {
  return complete(method, value, (text) => (text === '' ? field : undefined));
}

/** Returns a message that proto3 lets be absent but that this reply must have. */
export function present<T>({ name }: Named, field: string, value: T | null | undefined): T {
  if (value !== null && value !== undefined) return value;
  throw new CriError('CRI_BAD_REPLY', `the runtime left out ${field}`, { method: name });
}

/**
 * Turns "not found" from stop and remove calls into success. CRI demands success for missing
 * objects, but some runtimes answer "not found", e.g. containerd 1.6 to a stop.
 */
export async function goneIsDone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isCriError(error, 'CRI_NOT_FOUND')) throw error;
  }
}
