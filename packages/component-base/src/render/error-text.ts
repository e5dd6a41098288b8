/** Most causes that one text names. */
const MOST_CAUSES = 10;

/** Joins an error's message with those of its causes that it does not quote already. */
export function errorText(error: Error): string {
  let text = withCode(error);
  let below = error;
  for (let depth = 0; below.cause instanceof Error && depth < MOST_CAUSES; depth += 1) {
    const { message: before } = below;
    below = below.cause;
    if (isQuoted(below, text)) continue;
    // a cause that says the same with more words takes its place
    const isLonger = before !== '' && below.message.includes(before) && text.endsWith(before);
    const kept = isLonger ? text.slice(0, -before.length) : `${text}: `;
    text = `${kept}${withCode(below)}`;
  }
  return text;
}

/** The libraries for gRPC keep the plain text of an error in `details`. */
function isQuoted(cause: Error, text: string): boolean {
  const { message } = cause;
  if (text.includes(message)) return true;
  const details: unknown = 'details' in cause ? cause.details : undefined;
  if (typeof details !== 'string' || details === '') return false;
  return text.includes(details) || details.startsWith('No connection established');
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
