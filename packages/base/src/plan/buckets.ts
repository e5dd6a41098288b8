/**
 * Upper bounds of a histogram, each `factor` times the one before.
 *
 * @param count at least 0; none for 0
 */
export function exponentialBuckets(
  first: number,
  factor: number,
  count: number,
): readonly number[] {
  return Array.from({ length: count }, (_, i) => first * factor ** i);
}
