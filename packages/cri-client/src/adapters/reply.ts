import { CriError, isCriError } from '../model/errors.js';

interface Named {
  readonly name: string;
}

/** Refuses a reply that lacks what callers rely on, rather than let them act on half of one. */
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

/** A message that proto3 lets be absent but that this reply consists of. */
export function present<T>({ name }: Named, field: string, value: T | null | undefined): T {
  if (value !== null && value !== undefined) return value;
  throw new CriError('CRI_BAD_REPLY', `the runtime left out ${field}`, { method: name });
}

/**
 * CRI's stop and remove calls succeed for what is gone already. Some runtimes answer "not found"
 * all the same, containerd 1.6 when asked to stop.
 */
export async function goneIsDone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isCriError(error, 'CRI_NOT_FOUND')) throw error;
  }
}
