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

let addon: Addon | undefined;

/**
 * Loads the add-on of the npm package `netlink`, whose JavaScript part is not needed. A program that
 * is a single executable (`node --build-sea`) carries it as its asset `netlink.node`.
 *
 * @throws {NetlinkError} `NETLINK_UNAVAILABLE`
 */
export function loadAddon(): Addon {
  if (addon !== undefined) return addon;
  const load = createRequire(import.meta.url);
  const places: readonly (() => unknown)[] = [
    ...(isSingleExecutable() ? [embedded] : []),
    () => load(`netlink/prebuilds/linux-${process.arch}/node.napi.node`) as unknown,
    () => load('netlink/build/Release/netlink_binding.node') as unknown,
  ];
  const causes: unknown[] = [];
  for (const place of places) {
    try {
      addon = place() as Addon;
      return addon;
    } catch (error) {
      causes.push(error);
    }
  }
  const message = `netlink: no native add-on for ${process.platform}-${process.arch}`;
  throw new NetlinkError('NETLINK_UNAVAILABLE', message, { cause: new AggregateError(causes) });
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
