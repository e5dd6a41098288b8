const OFFSET: readonly number[] = [0x6295c58d, 0x62b82175, 0x07bb0142, 0x6c62272e];
/** The prime is 2^88 plus this. */
const SMALL = 0x13b;
const TWO_32 = 2 ** 32;

/**
 * 128-bit FNV-1a, as 32 lower-case hex digits.
 *
 * @see RFC 9923 (The FNV Non-Cryptographic Hash Algorithm)
 */
export function fnv128a(text: string): string {
  let [a = 0, b = 0, c = 0, d = 0] = OFFSET; // 32 bits each, the lowest first
  for (const byte of Buffer.from(text)) {
    a = (a ^ byte) >>> 0;
    const low = a * SMALL;
    const second = b * SMALL + Math.floor(low / TWO_32);
    const third = c * SMALL + ((a << 24) >>> 0) + Math.floor(second / TWO_32);
    const fourth = d * SMALL + ((a >>> 8) | (b << 24)) + Math.floor(third / TWO_32);
    [a, b, c, d] = [low >>> 0, second >>> 0, third >>> 0, fourth >>> 0];
  }
  return [d, c, b, a].map((word) => word.toString(16).padStart(8, '0')).join('');
}
