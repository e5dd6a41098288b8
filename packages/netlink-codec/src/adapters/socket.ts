import { readdirSync, readlinkSync, readSync, writeSync } from 'node:fs';

import { ByteWriter } from '../codec/byte-writer.js';
import { MESSAGE, MESSAGE_HEADER, writeMessage } from '../codec/message.js';
import { NetlinkError } from '../model/errors.js';
import type { NetlinkSocket } from '../ports.js';
import { loadAddon, type NativeNetlink } from './addon.js';

/** NETLINK_* protocol numbers. @see Linux include/uapi/linux/netlink.h */
export const PROTOCOL = { route: 0, netfilter: 12, generic: 16 } as const;

/** The protocol, and the sizes of the kernel's buffers. */
export interface SocketOptions {
  readonly protocol: number;
  /**
   * Requested size of the send buffer, and so of the longest datagram, in bytes. The kernel grants
   * at most `net.core.wmem_max`, then doubles it. 4 MiB when absent.
   */
  readonly sendBufferBytes?: number;
  /** Requested size of the receive buffer, limited by `net.core.rmem_max`. 4 MiB when absent. */
  readonly receiveBufferBytes?: number;
}

const BUFFER = 4 * 1024 * 1024;

/** The part of the send buffer that the kernel uses itself. @see Linux net/netlink/af_netlink.c */
const KEPT_BYTES = 32;

/**
 * Dumps arrive in parts of up to 32 KiB; a refused message is returned whole, up to 64 KiB of it.
 */
const LONGEST_DATAGRAM = 256 * 1024;

/**
 * Opens a netlink socket in the network namespace of this process. It does not keep the process
 * alive.
 *
 * @throws {NetlinkError} `NETLINK_ADDON_MISSING` when the native add-on cannot be loaded,
 *   `NETLINK_SOCKET` when the kernel refuses a socket
 */
export function openNetlinkSocket(options: SocketOptions): NetlinkSocket {
  const { NativeNetlink } = loadAddon();
  const before = new Set(openSockets());
  let native: NativeNetlink | undefined;
  try {
    native = new NativeNetlink(options.protocol, 0, ignore, ignore);
    const [opened, ...others] = openSockets().filter((socket) => !before.has(socket));
    if (opened === undefined || others.length > 0)
      throw new Error('its descriptor cannot be found');
    native.setSendBufferSize(options.sendBufferBytes ?? BUFFER);
    native.setRecvBufferSize(options.receiveBufferBytes ?? BUFFER);
    return new DescriptorSocket(native, Number.parseInt(opened, 10));
  } catch (error) {
    native?.close();
    throw socketError(`netlink socket of protocol ${options.protocol}`, error);
  }
}

/** Returns `21 socket:[1805574]`: the descriptor of each open socket with its identity. */
function openSockets(): readonly string[] {
  const dir = '/proc/self/fd';
  return readdirSync(dir).flatMap((fd) => {
    try {
      const target = readlinkSync(`${dir}/${fd}`);
      return target.startsWith('socket:') ? [`${fd} ${target}`] : [];
    } catch {
      return []; // closed since, like the directory itself
    }
  });
}

const ignore = (): void => undefined;

/** Shared by all sockets: received bytes are copied out at once. */
let scratch: Buffer | undefined;

class DescriptorSocket implements NetlinkSocket {
  readonly maxSendBytes: number;
  readonly #native: NativeNetlink;
  readonly #descriptor: number;
  #portId = 0;
  #isOpen = true;

  constructor(native: NativeNetlink, descriptor: number) {
    this.#native = native;
    this.#descriptor = descriptor;
    this.maxSendBytes = native.getSendBufferSize() - KEPT_BYTES;
  }

  get portId(): number {
    if (this.#portId === 0 && this.#isOpen) this.#portId = this.#native.address().port;
    return this.#portId;
  }

  send(datagram: Uint8Array): void {
    this.#assertOpen();
    if (datagram.length > this.maxSendBytes) {
      const message =
        `netlink: a datagram of ${datagram.length} bytes is longer than the ${this.maxSendBytes} ` +
        'that can be sent at once: split it, or raise net.core.wmem_max';
      throw new NetlinkError('NETLINK_TOO_LARGE', message);
    }
    try {
      writeSync(this.#descriptor, datagram);
    } catch (error) {
      throw socketError('netlink send', error);
    }
  }

  receive(): Buffer | undefined {
    this.#assertOpen();
    scratch ??= Buffer.allocUnsafeSlow(LONGEST_DATAGRAM);
    try {
      const size = readSync(this.#descriptor, scratch);
      return Buffer.from(scratch.subarray(0, size));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') return undefined;
      if (code !== 'ENOBUFS') throw socketError('netlink receive', error);
      const message = 'netlink: messages were lost because they were not read in time';
      throw new NetlinkError('NETLINK_LOST', message, { cause: error });
    }
  }

  join(group: number): void {
    this.#assertOpen();
    // the kernel sends nothing to a socket without an address; it gets one with its first message
    if (this.portId === 0) this.send(nothing());
    try {
      this.#native.addMembership(group);
    } catch (error) {
      throw socketError(`netlink group ${group}`, error);
    }
  }

  leave(group: number): void {
    this.#assertOpen();
    try {
      this.#native.dropMembership(group);
    } catch (error) {
      throw socketError(`netlink group ${group}`, error);
    }
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#native.close();
  }

  #assertOpen(): void {
    if (!this.#isOpen) throw new NetlinkError('NETLINK_CLOSED', 'the netlink socket is closed');
  }
}

/** A message without effect and without an answer. */
function nothing(): Buffer {
  const out = new ByteWriter(MESSAGE_HEADER);
  writeMessage(out, { type: MESSAGE.noop, flags: 0, payload: Buffer.alloc(0) }, 0);
  return out.copy();
}

function socketError(what: string, error: unknown): NetlinkError {
  const { message, errno } = error as Error & { errno?: number };
  const options = errno === undefined ? { cause: error } : { cause: error, errno: Math.abs(errno) };
  return new NetlinkError('NETLINK_SOCKET', `${what}: ${message}`, options);
}
