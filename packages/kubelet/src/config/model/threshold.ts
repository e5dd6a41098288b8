import { parseQuantity, type Quantity, quantityToUnits } from '@nodeagent/base';

/** A threshold as bytes, or as a share of the capacity. */
export type Threshold = Readonly<{ bytes: number }> | Readonly<{ fraction: number }>;

/**
 * Reads `100Mi` or `10%`.
 *
 * @returns `off` for zero, as an amount or a share, and for all of the capacity: they switch a signal
 *   off; undefined for what is neither an amount nor a share of it
 */
export function parseThreshold(text: string): Threshold | 'off' | undefined {
  const [, percent] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  if (percent !== undefined) return share(Number(percent));
  const quantity = parseQuantity(text);
  if (quantity === undefined || quantity < 0n) return undefined;
  return quantity === 0n ? 'off' : { bytes: bytesOf(quantity) };
}

/** No more than a number says exactly, which is more than any disk or memory has. */
export function bytesOf(quantity: Quantity): number {
  return Math.min(quantityToUnits(quantity), Number.MAX_SAFE_INTEGER);
}

function share(percent: number): Threshold | 'off' | undefined {
  if (percent > 100) return undefined;
  // In single precision, as the kubelet has always reckoned: 10 % is a little more than a tenth.
  const fraction = Math.fround(Math.fround(percent) / 100);
  return fraction > 0 && fraction < 1 ? { fraction } : 'off';
}
