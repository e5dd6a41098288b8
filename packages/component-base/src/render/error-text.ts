/** Most causes that one text names. */
const MOST_CAUSES = 10;

/** Joins an error's message with those of its causes that it does not quote already. */
export function errorText(error: Error): string {
  let text = withCode(error);
  let at: unknown = error.cause;
  for (let depth = 0; at instanceof Error && depth < MOST_CAUSES; depth += 1) {
    if (!text.includes(at.message)) text = `${text}: ${withCode(at)}`;
    at = at.cause;
  }
  return text;
}

function withCode(error: Error): string {
  const { message } = error;
  const code: unknown = 'code' in error ? error.code : undefined;
  if (typeof code !== 'string' && typeof code !== 'number') return message;
  return message.includes(String(code)) ? message : `${message} (${code})`;
}

const OF_THE_LANGUAGE: ReadonlySet<string> = new Set(['TypeError', 'RangeError', 'ReferenceError']);

/** Tells a mistake in the program, which needs its stack, from what the machine or a user caused. */
export function isProgrammingError(error: Error): boolean {
  return OF_THE_LANGUAGE.has(error.name) && !('code' in error) && error.cause === undefined;
}
