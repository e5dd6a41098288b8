const WORD = /"((?:[^"\\]|\\.)*)"|(\S+)/g;

/** Splits a line as iptables-restore does: blanks separate, double quotes keep them. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  for (const [, quoted, plain] of line.matchAll(WORD)) {
    words.push(plain ?? (quoted ?? '').replaceAll(/\\(.)/g, '$1'));
  }
  return words;
}
