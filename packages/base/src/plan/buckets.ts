/** Upper bounds in seconds that Prometheus' clients use unless told otherwise. */
export const DEFAULT_BUCKETS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

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
