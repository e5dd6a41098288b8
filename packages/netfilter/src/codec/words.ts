/**
 * Splits a line as iptables-restore does: blanks separate words; double quotes keep blanks, also
 * inside a word.
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let isQuoted = false;
  for (let i = 0; i < line.length; i += 1) {
    const character = line.charAt(i);
    if (character === '"') {
      isQuoted = !isQuoted;
      word ??= '';
    } else if (isQuoted) {
      if (character === '\\') i += 1;
      word = (word ?? '') + line.charAt(i);
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  if (word !== undefined) words.push(word);
  return words;
}
