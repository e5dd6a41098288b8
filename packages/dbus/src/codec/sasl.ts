import { Buffer } from 'node:buffer';

import { DbusError } from '../model/errors.js';

const MAX_LINE = 16_384;

/** The first bytes of a connection: the process claims its user, which the kernel confirms. */
export function authRequest(uid: number): Uint8Array {
  const claim = Buffer.from(String(uid)).toString('hex');
  return Buffer.from(`\0AUTH EXTERNAL ${claim}\r\n`);
}

/** Ends the authentication; messages follow. */
export function authBegin(): Uint8Array {
  return Buffer.from('BEGIN\r\n');
}

/** A server's answer that lets the client in. */
export function authOk(): Uint8Array {
  return Buffer.from('OK 0123456789abcdef0123456789abcdef\r\n');
}

/** Reads the server's answer to {@link authRequest}, which may come in pieces. */
export class AuthReader {
  #bytes = Buffer.alloc(0);

  /**
   * @returns the bytes after the answer; undefined while it is incomplete
   * @throws {DbusError} `DBUS_UNREACHABLE`: the server does not let this user in; `DBUS_MALFORMED`
   */
  push(chunk: Uint8Array): Uint8Array | undefined {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const end = this.#bytes.subarray(0, MAX_LINE).indexOf('\r\n');
    if (end < 0) {
      if (this.#bytes.length < MAX_LINE) return undefined;
      throw new DbusError('DBUS_MALFORMED', 'the answer to the authentication has no end');
    }
    const line = this.#bytes.toString('latin1', 0, end);
    if (/^OK [0-9a-f]+$/i.test(line)) return this.#bytes.subarray(end + 2);
    if (/^(?:REJECTED|ERROR)\b/.test(line)) {
      const why = line.slice(0, 200);
      throw new DbusError('DBUS_UNREACHABLE', `the authentication was refused: ${why}`);
    }
    throw new DbusError(
      'DBUS_MALFORMED',
      'the answer to the authentication is of another protocol',
    );
  }
}
