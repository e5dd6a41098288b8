/**
 * Limit in characters on the text that references add to one container: more than any API object
 * holds. A chain of variables, each with two references to the one before it, doubles at every
 * step.
 */
export const LONGEST_EXPANSION = 4 * 2 ** 20;

/**
 * Replaces `$(NAME)` once, without expanding the result again; `$$` is a literal `$`. These stay as
 * written: unknown names, text that is not a reference, and a reference whose value would make the
 * text longer than `longest`. Linear.
 *
 * @see Kubernetes 1.36 third_party/forked/golang/expansion/expand.go
 */
export function expandReferences(
  text: string,
  valueOf: (name: string) => string | undefined,
  longest = LONGEST_EXPANSION,
): string {
  if (!text.includes('$')) return text;
  const lastClose = text.lastIndexOf(')');
  let out = '';
  let at = 0;
  while (at < text.length) {
    const dollar = text.indexOf('$', at);
    if (dollar < 0 || dollar === text.length - 1) break;
    out += text.slice(at, dollar);
    const next = text[dollar + 1];
    const mayClose = next === '(' && lastClose > dollar;
    const close = mayClose ? text.indexOf(')', dollar + 2) : -1;
    if (next === '$') {
      out += '$';
      at = dollar + 2;
    } else if (close >= 0) {
      const name = text.slice(dollar + 2, close);
      const value = valueOf(name);
      const fits = value !== undefined && out.length + value.length <= longest;
      out += fits ? value : text.slice(dollar, close + 1);
      at = close + 1;
    } else {
      out += text.slice(dollar, dollar + 2);
      at = dollar + 2;
    }
  }
  return out + text.slice(at);
}

/** Expands the words of a command; references add at most {@link LONGEST_EXPANSION} in all. */
export function expandWords(
  words: readonly string[],
  valueOf: (name: string) => string | undefined,
): readonly string[] {
  let left = LONGEST_EXPANSION;
  return words.map((word) => {
    const expanded = expandReferences(word, valueOf, left);
    left = Math.max(0, left - expanded.length);
    return expanded;
  });
}
