const OFFSET = 0x811c9dc5;
const PRIME = 0x01000193;

/** FNV-1a with 32 bits, over UTF-8. @see http://www.isthe.com/chongo/tech/comp/fnv/ */
export function fnv1a32(text: string): number {
  let hash = OFFSET;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, PRIME) >>> 0;
  return hash;
}
