const COUNT = /^Block count: +(\d{1,15})$/m;
const SIZE = /^Block size: +(\d{1,7})$/m;

/**
 * Reads the size of an ext4 file system from what `dumpe2fs -h` prints.
 *
 * @returns bytes; undefined when the text does not say
 * @see dumpe2fs(8)
 */
export function ext4Bytes(text: string): number | undefined {
  const [count, size] = [COUNT, SIZE].map((pattern) => pattern.exec(text)?.[1]);
  return count === undefined || size === undefined ? undefined : Number(count) * Number(size);
}
