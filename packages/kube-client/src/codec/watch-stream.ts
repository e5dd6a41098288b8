import { Buffer } from 'node:buffer';

import { KubeError } from '../model/errors.js';
import type { KubeObject } from '../model/objects.js';
import type { WatchEvent } from '../ports.js';
import { decodeJson, isObject } from './decode-json.js';
import { errorFromStatus } from './status-error.js';

const NEWLINE = 0x0a;

/**
 * Splits a byte stream into lines. A line that spans chunks is joined once, when its end arrives,
 * so the cost is linear. Chunk boundaries may lie within characters.
 */
export class LineSplitter {
  #parts: Uint8Array[] = [];
  #pendingBytes = 0;

  /** Returns the lines that this chunk completes, without newlines; empty lines are left out. */
  push(chunk: Uint8Array): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      if (this.#parts.length > 0 || end > start) lines.push(this.#take(chunk.subarray(start, end)));
      start = end + 1;
    }
    if (start < chunk.length) this.#parts.push(chunk.subarray(start));
    this.#pendingBytes += chunk.length - start;
    return lines;
  }

  /** Bytes of a line whose end has not arrived. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  #take(last: Uint8Array): string {
    const whole = this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last]);
    this.#parts = [];
    this.#pendingBytes = 0;
    return Buffer.from(whole.buffer, whole.byteOffset, whole.length).toString('utf8');
  }
}

/**
 * Parses one line of a watch.
 *
 * @throws {KubeError} the error of an ERROR event (`KUBE_GONE` for a version that is too old), or
 *   `KUBE_PROTOCOL`
 */
export function decodeWatchEvent<T>(line: string, asked: string): WatchEvent<T> {
  const { type, object } = parseEvent(line, asked);
  switch (type) {
    case 'ADDED':
      return { type: 'added', object: object as T };
    case 'MODIFIED':
      return { type: 'modified', object: object as T };
    case 'DELETED':
      return { type: 'deleted', object: object as T };
    case 'BOOKMARK': {
      const resourceVersion: unknown = (object as KubeObject).metadata?.resourceVersion;
      if (typeof resourceVersion !== 'string') {
        throw new KubeError('KUBE_PROTOCOL', `${asked}: a bookmark without resourceVersion`);
      }
      return { type: 'bookmark', resourceVersion };
    }
    case 'ERROR':
      throw errorFromStatus(asked, object);
    default:
      throw new KubeError('KUBE_PROTOCOL', `${asked}: unknown event type ${JSON.stringify(type)}`);
  }
}

function parseEvent(line: string, asked: string): { type: unknown; object: object } {
  const event = parseJson(line, asked);
  if (isObject(event) && isObject(event['object'])) {
    return { type: event['type'], object: event['object'] };
  }
  throw new KubeError('KUBE_PROTOCOL', `${asked}: an event without type and object`);
}

function parseJson(line: string, asked: string): unknown {
  try {
    return decodeJson(line);
  } catch (cause) {
    throw new KubeError('KUBE_PROTOCOL', `${asked}: an event that is not JSON`, { cause });
  }
}
