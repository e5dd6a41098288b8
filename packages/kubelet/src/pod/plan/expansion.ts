/**
 * How long references may make the texts of one container, in characters: more than any API object
 * holds. Variables that refer twice to the one before them double with every step.
 */
export const LONGEST_EXPANSION = 4 * 2 ** 20;

/**
 * Replaces `$(NAME)` once, without looking at the result again; `$$` is a literal `$`. What is not
 * known stays as written, and so does everything that is no reference, and a reference whose value
 * would make the text longer than `longest`. Linear.
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

/** The words of a command, together no longer than {@link LONGEST_EXPANSION} by their references. */
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
