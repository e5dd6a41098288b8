import { formatQuantity, parseQuantity, quantityToUnits } from '@nodeagent/base';

/** Bytes of a quantity; unreadable ones count as nothing. */
export function bytesOf(text: string | undefined): number {
  return quantityToUnits(parseQuantity(text ?? '') ?? 0n);
}

/** `1Gi`, `1500Mi`, or plain bytes. */
export function quantityOf(bytes: number): string {
  return formatQuantity(BigInt(bytes) * 1_000_000_000n, 'binary');
}
