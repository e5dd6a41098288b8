/** What a file of variables says of one of them. */
export type EnvFileAnswer =
  | Readonly<{ kind: 'value'; value: string }>
  | Readonly<{ kind: 'absent' }>
  | Readonly<{ kind: 'problem'; problem: string }>;

const NAME = /^[ \t]*([^=\n]*)=/;

/**
 * The value of a variable in a file of `NAME='value'` lines. Values stand in single quotes, mean what
 * they say, and may go over several lines; `#` begins a comment. The first of a name counts, and what
 * comes after it is not looked at.
 *
 * @see Kubernetes 1.36 pkg/util/env/env.go
 */
export function readEnvFile(text: string, key: string): EnvFileAnswer {
  let rest = text;
  let line = 1;
  const skip = (count: number): void => {
    line += rest.slice(0, count).split('\n').length - 1;
    rest = rest.slice(count);
  };
  const refuse = (why: string): EnvFileAnswer => {
    const problem = `invalid environment variable format at line ${line}: ${why}`;
    return { kind: 'problem', problem };
  };
  while (rest !== '') {
    const ignored = /^[ \t]*(#[^\n]*)?\r?(\n|$)/.exec(rest);
    if (ignored !== null && ignored[0] !== '') {
      skip(ignored[0].length);
      continue;
    }
    const start = NAME.exec(rest);
    if (start === null) return refuse("missing '='");
    const name = start[1] ?? '';
    if (name.trim() === '') return refuse('empty variable name');
    if (/\s/.test(name)) return refuse("whitespace before '='");
    const value = readValue(rest.slice(start[0].length));
    if (typeof value === 'string') return refuse(value);
    if (name === key) return { kind: 'value', value: value.text };
    skip(start[0].length + value.length);
  }
  return { kind: 'absent' };
}

/** @returns what stands after the `=`, to the end of its last line, or what is wrong with it */
function readValue(rest: string): Readonly<{ text: string; length: number }> | string {
  const empty = /^([ \t][^\n]*)?\r?(\n|$)/.exec(rest);
  if (empty !== null) return { text: '', length: empty[0].length };
  if (!rest.startsWith("'")) return 'value must be enclosed in single quotes';
  const end = rest.indexOf("'", 1);
  if (end < 0) return 'unclosed single quote';
  const after = /^[ \t]*(#[^\n]*)?\r?(\n|$)/.exec(rest.slice(end + 1));
  if (after === null) return 'unexpected content after closing quote';
  return { text: rest.slice(1, end), length: end + 1 + after[0].length };
}
