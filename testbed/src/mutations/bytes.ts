import { type Edit, type Mutator, mutator, pick } from './mutator.ts';

type Change = (bytes: Buffer, edit: Edit, sample: Buffer) => Buffer | undefined;

/** Mutates bytes: changes bits, numbers and lengths; removes, repeats or swaps parts. */
export function mutatedBytes(samples: readonly Uint8Array[]): Mutator<Buffer> {
  const buffers = samples.map((sample): Buffer => Buffer.from(sample));
  return mutator(buffers, (bytes, edit, sample) => {
    const [name, change] = pick(CHANGES, edit.change);
    const value = change(bytes, edit, sample);
    if (value === undefined) return undefined;
    return { value: value.subarray(0, MOST), step: `${name} at ${edit.place} (${edit.detail})` };
  });
}

/** In bytes. Repeating repeated parts would fill memory. */
const MOST = 1 << 20;

const NUMBERS = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 127, 128, 255, 256, 32_767, 32_768, 65_535];
const NUMBERS_32 = [...NUMBERS, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32 - 4];

/** Writes a number of a given width somewhere, aligned, in either byte order. */
const numberAt =
  (width: 1 | 2 | 4): Change =>
  (bytes, { place, detail }) => {
    if (bytes.length < width) return undefined;
    const at = (place % Math.floor(bytes.length / width)) * width;
    const number = pick(width === 4 ? NUMBERS_32 : NUMBERS, detail) % 2 ** (8 * width);
    const copy = Buffer.from(bytes);
    if (detail % 3 === 0) copy.writeUIntBE(number, at, width);
    else copy.writeUIntLE(number, at, width);
    return copy;
  };

const CHANGES: readonly (readonly [string, Change])[] = [
  [
    'bit flipped',
    (bytes, { place, detail }) => withByte(bytes, place, (b) => b ^ (1 << (detail % 8))),
  ],
  ['byte replaced', (bytes, { place, detail }) => withByte(bytes, place, () => detail % 256)],
  ['byte plus one', (bytes, { place }) => withByte(bytes, place, (b) => (b + 1) % 256)],
  ['byte less one', (bytes, { place }) => withByte(bytes, place, (b) => (b + 255) % 256)],
  ['number of 8 bits', numberAt(1)],
  ['number of 16 bits', numberAt(2)],
  ['number of 16 bits', numberAt(2)],
  ['number of 32 bits', numberAt(4)],
  ['number of 32 bits', numberAt(4)],
  ['cut', (bytes, { place }) => bytes.subarray(0, place % (bytes.length + 1))],
  ['begins later', (bytes, { place }) => bytes.subarray(place % (bytes.length + 1))],
  ['part removed', (bytes, { place, detail }) => spliced(bytes, place, detail % 17, EMPTY)],
  [
    'part repeated',
    (bytes, { place, detail }) => spliced(bytes, place, 0, partOf(bytes, place, detail % 65)),
  ],
  [
    'part of the sample',
    (bytes, { place, detail }, sample) =>
      spliced(bytes, place, detail % 17, partOf(sample, detail, place % 65)),
  ],
  ['zeros', (bytes, { place, detail }) => spliced(bytes, place, 0, Buffer.alloc(detail % 4097))],
  ['ones', (bytes, { place, detail }) => spliced(bytes, place, 0, Buffer.alloc(detail % 65, 0xff))],
  ['twice', (bytes) => Buffer.concat([bytes, bytes])],
  [
    '200 times',
    (bytes) =>
      bytes.length > 4096 ? undefined : Buffer.concat(Array.from({ length: 200 }, () => bytes)),
  ],
  ['emptied', () => EMPTY],
];

const EMPTY = Buffer.alloc(0);

function withByte(
  bytes: Buffer,
  place: number,
  change: (byte: number) => number,
): Buffer | undefined {
  if (bytes.length === 0) return undefined;
  const copy = Buffer.from(bytes);
  const at = place % copy.length;
  copy[at] = change(copy[at] ?? 0);
  return copy;
}

function spliced(bytes: Buffer, place: number, removed: number, inserted: Buffer): Buffer {
  const at = place % (bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)]);
}

function partOf(bytes: Buffer, place: number, length: number): Buffer {
  const at = place % (bytes.length + 1);
  return bytes.subarray(at, at + length);
}
