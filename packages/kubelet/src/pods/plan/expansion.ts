/**
 * Replaces `$(NAME)` once, without looking at the result again; `$$` is a literal `$`. What is not
 * known stays as written, and so does everything that is no reference.
 *
 * @see Kubernetes 1.36 third_party/forked/golang/expansion/expand.go
 */
export function expandReferences(
  text: string,
  valueOf: (name: string) => string | undefined,
): string {
  if (!text.includes('$')) return text;
  let out = '';
  let at = 0;
  while (at < text.length) {
    const dollar = text.indexOf('$', at);
    if (dollar < 0 || dollar === text.length - 1) break;
    out += text.slice(at, dollar);
    const next = text[dollar + 1];
    const close = next === '(' ? text.indexOf(')', dollar + 2) : -1;
    if (next === '$') {
      out += '$';
      at = dollar + 2;
    } else if (close >= 0) {
      const name = text.slice(dollar + 2, close);
      out += valueOf(name) ?? text.slice(dollar, close + 1);
      at = close + 1;
    } else {
      out += text.slice(dollar, dollar + 2);
      at = dollar + 2;
    }
  }
  return out + text.slice(at);
}
