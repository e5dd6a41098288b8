import { parseQuantity, type Quantity, quantityToUnits } from '@nodeagent/base';

/** A threshold in bytes, or as a fraction of the capacity. */
export type Threshold = Readonly<{ bytes: number }> | Readonly<{ fraction: number }>;

/**
 * Parses `100Mi` or `10%`.
 *
 * @returns `off` for 0 % and 100 %, which disable a signal; undefined for text that is neither a
 *   positive amount nor a percentage
 */
export function parseThreshold(text: string): Threshold | 'off' | undefined {
  const [, percent] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  if (percent !== undefined) return share(Number(percent));
  const quantity = parseQuantity(text);
  if (quantity === undefined || quantity <= 0n) return undefined;
  return { bytes: bytesOf(quantity) };
}

/**
 * Limited to the largest integer that a number represents exactly; no disk or memory is that large.
 */
export function bytesOf(quantity: Quantity): number {
  return Math.min(quantityToUnits(quantity), Number.MAX_SAFE_INTEGER);
}

function share(percent: number): Threshold | 'off' | undefined {
  if (percent > 100) return undefined;
  // Single precision, as upstream computes it: 10 % becomes slightly more than a tenth.
  const fraction = Math.fround(Math.fround(percent) / 100);
  return fraction > 0 && fraction < 1 ? { fraction } : 'off';
}
