/** Takes the native add-on out of the npm package `netlink`, which is otherwise not needed. */
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The processors that Node.js supports and the package has a file for; all with glibc. */
const MACHINES = ['x64', 'arm64', 'arm'] as const;

const PACKAGE = dirname(fileURLToPath(import.meta.resolve('netlink/package.json')));

/** Writes `linux-x64/netlink.node` and its kin, and the licence, into a folder. */
export async function copyNetlinkAddon(folder: string): Promise<void> {
  for (const machine of MACHINES) {
    const bytes = await readFile(netlinkAddonOf(machine));
    const to = join(folder, `linux-${machine}`);
    await mkdir(to, { recursive: true });
    await writeFile(
      join(to, 'netlink.node'),
      machine === 'arm' ? bytes : withoutGlibcLoader(bytes),
    );
  }
  await cp(join(PACKAGE, 'LICENSE'), join(folder, 'LICENSE'));
}

/** The file of the npm package. */
export function netlinkAddonOf(machine: string): string {
  return join(PACKAGE, 'prebuilds', `linux-${machine}`, 'node.napi.node');
}

/**
 * Removes glibc's dynamic loader from the libraries that a 64-bit little-endian ELF file needs.
 * glibc has it in every process; musl has no file of that name and would refuse to load the add-on,
 * whose other libraries it has (libstdc++ and libgcc beside Node.js itself).
 *
 * @see elf(5), Linux include/uapi/linux/elf.h
 */
export function withoutGlibcLoader(file: Buffer): Buffer {
  const bytes = Buffer.from(file);
  const { entries, nameAt } = dynamicSection(bytes);
  const kept = entries.filter(({ tag, value }) => {
    return tag !== NEEDED || !nameAt(value).startsWith('ld-linux');
  });
  const end = { tag: 0n, value: 0n };
  entries.forEach(({ at }, i) => {
    const { tag, value } = kept[i] ?? end;
    bytes.writeBigInt64LE(tag, at);
    bytes.writeBigUInt64LE(value, at + 8);
  });
  return bytes;
}

/** The names of the libraries that an ELF file of that kind needs. */
export function neededLibraries(bytes: Buffer): readonly string[] {
  const { entries, nameAt } = dynamicSection(bytes);
  return entries.filter(({ tag }) => tag === NEEDED).map(({ value }) => nameAt(value));
}

const NEEDED = 1n;
const STRING_TABLE = 5n;
const LOADED_SEGMENT = 1;
const DYNAMIC_SEGMENT = 2;

interface Dynamic {
  readonly entries: readonly Readonly<{ at: number; tag: bigint; value: bigint }>[];
  readonly nameAt: (offset: bigint) => string;
}

function dynamicSection(bytes: Buffer): Dynamic {
  const isElf64 = bytes.readUInt32BE(0) === 0x7f454c46 && bytes[4] === 2 && bytes[5] === 1;
  if (!isElf64) throw new Error('not a 64-bit little-endian ELF file');
  const table = Number(bytes.readBigUInt64LE(0x20));
  const segments = Array.from({ length: bytes.readUInt16LE(0x38) }, (_, i) => {
    const at = table + i * bytes.readUInt16LE(0x36);
    const long = (offset: number) => Number(bytes.readBigUInt64LE(at + offset));
    const [offset, address, size] = [long(8), long(16), long(32)];
    return { type: bytes.readUInt32LE(at), offset, address, size };
  });
  const dynamic = segments.find(({ type }) => type === DYNAMIC_SEGMENT);
  if (dynamic === undefined) throw new Error('not a shared object');
  const entries = Array.from({ length: dynamic.size / 16 }, (_, i) => {
    const at = dynamic.offset + i * 16;
    return { at, tag: bytes.readBigInt64LE(at), value: bytes.readBigUInt64LE(at + 8) };
  });
  const names = Number(entries.find(({ tag }) => tag === STRING_TABLE)?.value ?? 0n);
  const home = segments.find(
    ({ type, address, size }) =>
      type === LOADED_SEGMENT && names >= address && names < address + size,
  );
  if (home === undefined) throw new Error('the file has no string table');
  const nameAt = (offset: bigint): string => {
    const start = names - home.address + home.offset + Number(offset);
    return bytes.toString('latin1', start, bytes.indexOf(0, start));
  };
  return { entries, nameAt };
}
