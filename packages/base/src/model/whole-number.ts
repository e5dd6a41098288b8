/**
 * The number at the start of a text that the kernel writes: zero or more, of up to 64 bits; from 2^53
 * on it is rounded.
 *
 * @returns undefined for other texts, and for a number below zero
 */
export function wholeNumber(text: string): number | undefined {
  const digits = /^\s*(\d{1,20})(?![\d.])/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
