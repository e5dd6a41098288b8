const SHORT: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/**
 * Quotes text as Go's `%q` does: unprintable characters become numeric escapes.
 *
 * @see Go strconv.Quote
 */
export function goQuoted(text: string): string {
  const escaped = Array.from(text, (char) => {
    const short = SHORT[char];
    if (short !== undefined) return short;
    if (PRINTABLE.test(char)) return char;
    const code = char.codePointAt(0) ?? 0;
    const hex = (digits: number): string => code.toString(16).padStart(digits, '0');
    if (code < 0x80) return `\\x${hex(2)}`;
    return code < 0x10000 ? `\\u${hex(4)}` : `\\U${hex(8)}`;
  });
  return `"${escaped.join('')}"`;
}
