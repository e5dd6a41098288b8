/** Beyond this number of pairs the lists are not compared: the middle is written again. */
const MOST_PAIRS = 4_000_000;

/** Keys of rules; `undefined` equals no other key. */
export type Keys = readonly (string | undefined)[];

/** Finds a longest common subsequence, as pairs of indexes into both lists. */
export function commonPairs(a: readonly string[], b: Keys): readonly [number, number][] {
  let first = 0;
  while (first < a.length && first < b.length && a[first] === b[first]) first += 1;
  let last = 0;
  while (
    last < a.length - first &&
    last < b.length - first &&
    a[a.length - 1 - last] === b[b.length - 1 - last]
  ) {
    last += 1;
  }
  const head = Array.from({ length: first }, (_, i): [number, number] => [i, i]);
  const tail = Array.from({ length: last }, (_, i): [number, number] => [
    a.length - last + i,
    b.length - last + i,
  ]);
  const middle = longestCommon(a.slice(first, a.length - last), b.slice(first, b.length - last));
  return [...head, ...middle.map(([i, j]): [number, number] => [i + first, j + first]), ...tail];
}

function longestCommon(a: readonly string[], b: Keys): readonly [number, number][] {
  if (a.length * b.length === 0 || a.length * b.length > MOST_PAIRS) return [];
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] =
        a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i += 1;
    else j += 1;
  }
  return pairs;
}
