import { mkdtempSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { NetlinkError } from '../model/errors.js';

/**
 * The functions of the add-on that are used: it opens the socket and sets its options. Its own
 * event-loop watch is not used, because it ends the process when the kernel reports lost messages.
 * A netlink socket needs no watch: answers are waiting when `send` returns.
 */
export interface NativeNetlink {
  address(): { port: number };
  addMembership(group: number): void;
  dropMembership(group: number): void;
  setRecvBufferSize(bytes: number): void;
  setSendBufferSize(bytes: number): void;
  getSendBufferSize(): number;
  close(): void;
}

interface Addon {
  readonly NativeNetlink: new (
    protocol: number,
    messageBytes: number,
    onMessage: () => void,
    onError: () => void,
  ) => NativeNetlink;
}

/** Name of the asset that holds the add-on in a single executable. */
const ASSET = 'netlink.node';

/** The folder and the name of the add-on of this machine, below `prebuilds`. */
const FILE = `prebuilds/${process.platform}-${process.arch}/netlink.node`;

/** @see https://github.com/oven-sh/bun/issues/18546 */
const NOT_ON_BUN =
  'netlink: Bun lacks the functions of libuv that the native add-on uses (uv_poll_init): run this ' +
  'program with Node.js';

type Versions = Readonly<Record<string, string | undefined>>;

let addon: Addon | undefined;

/**
 * Loads the native add-on, which this package carries for Linux on x64, arm64 and arm. It is the one
 * of the npm package `netlink`; where that is installed, its own files serve other processors. A
 * bundle has its add-on in the folder `prebuilds` beside itself; a single executable (`node
 * --build-sea`) as its asset `netlink.node`. Bun is refused: it would end the process at the add-on's
 * first call of libuv.
 *
 * @throws {NetlinkError} `NETLINK_ADDON_MISSING`
 */
export function loadAddon(versions: Versions = process.versions): Addon {
  if (versions['bun'] !== undefined) throw new NetlinkError('NETLINK_ADDON_MISSING', NOT_ON_BUN);
  addon ??= firstAddon([
    ...(isSingleExecutable() ? [embedded] : []),
    () => load(`./${FILE}`),
    () => load(`@nodeagent/netlink-codec/${FILE}`),
    () => load(`netlink/prebuilds/${process.platform}-${process.arch}/node.napi.node`),
    () => load('netlink/build/Release/netlink_binding.node'),
  ]);
  return addon;
}

/** @throws {NetlinkError} `NETLINK_ADDON_MISSING` when no place has a file that can be loaded */
export function firstAddon(places: readonly (() => unknown)[]): Addon {
  const causes: unknown[] = [];
  for (const place of places) {
    try {
      return place() as Addon;
    } catch (error) {
      causes.push(error);
    }
  }
  const cause = new AggregateError(causes, 'every place of the add-on failed');
  throw new NetlinkError('NETLINK_ADDON_MISSING', missing(causes), { cause });
}

function missing(causes: readonly unknown[]): string {
  const machine = `${process.platform}-${process.arch}`;
  if (process.platform !== 'linux') return `netlink: ${machine} has no netlink: it needs Linux`;
  const broken = causes.find(
    (cause) => (cause as NodeJS.ErrnoException).code === 'ERR_DLOPEN_FAILED',
  );
  if (broken !== undefined)
    return `netlink: the native add-on for ${machine} cannot be loaded: ${(broken as Error).message}`;
  return (
    `netlink: the native add-on for ${machine} is missing. A bundled program needs the folder ` +
    'node_modules/@nodeagent/netlink-codec/dist/prebuilds beside its file; processors other than ' +
    'x64, arm64 and arm need `npm install netlink`'
  );
}

function load(path: string): unknown {
  return createRequire(import.meta.url)(path) as unknown;
}

function isSingleExecutable(): boolean {
  return process.getBuiltinModule('node:sea').isSea();
}

/** The kernel maps files only: the add-on is one for the moment in which it is loaded. */
function embedded(): unknown {
  const bytes = new Uint8Array(process.getBuiltinModule('node:sea').getRawAsset(ASSET));
  const causes: unknown[] = [];
  // either may forbid programs: mounted with `noexec`, or read-only
  for (const parent of [tmpdir(), dirname(process.execPath)]) {
    try {
      return loadFrom(parent, bytes);
    } catch (error) {
      causes.push(error);
    }
  }
  throw new AggregateError(causes, `${ASSET} can be loaded from no directory`);
}

function loadFrom(parent: string, bytes: Uint8Array): unknown {
  const dir = mkdtempSync(join(parent, 'netlink-'));
  const file = join(dir, ASSET);
  try {
    writeFileSync(file, bytes, { mode: 0o500 });
    const target = { exports: {} };
    process.dlopen(target, file);
    return target.exports;
  } finally {
    unlinkSync(file);
    rmdirSync(dir);
  }
}
