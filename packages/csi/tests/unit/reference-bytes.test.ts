import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { AnyMethod } from '@nodeagent/unix-grpc';
import { describe, expect, it } from 'vitest';

import { CONTROLLER, GROUP_CONTROLLER, IDENTITY, NODE, REGISTRATION } from '../../src/index.js';

/** A message as Go's generated code of CSI 1.9 wrote it, as bytes and as JSON. */
interface Recorded {
  /** `csi.v1.Node.NodePublishVolume` */
  readonly method: string;
  readonly part: 'request' | 'reply';
  /** Hexadecimal. */
  readonly bytes: string;
  readonly value: unknown;
}

const path = join(import.meta.dirname, '../fixtures/recorded/csi-1.9.json');
const recorded = JSON.parse(readFileSync(path, 'utf8')) as readonly Recorded[];

const methods = new Map<string, AnyMethod>(
  [IDENTITY, CONTROLLER, GROUP_CONTROLLER, NODE, REGISTRATION]
    .flatMap((table) => Object.values<AnyMethod>(table))
    .map((method) => [method.name.replace('/', '.'), method]),
);

describe('the bytes of the reference implementation', () => {
  it('are there for every method, but for those newer than CSI 1.9', () => {
    const missing = [...methods.keys()].filter(
      (name) => !recorded.some(({ method }) => method === name),
    );
    expect(missing).toEqual(['csi.v1.Controller.GetSnapshot']);
  });

  it.each(recorded.map((one, i) => ({ ...one, i })))('$i: $method $part', (one) => {
    const method = methods.get(one.method);
    const message = method?.[one.part];
    const read = message?.decode(Buffer.from(one.bytes, 'hex'));
    expect(leaves(read)).toEqual(leaves(one.value));
    // the order of fields and of a map's entries is free
    const written = message?.encode(read ?? {}) ?? Buffer.alloc(0);
    expect(message?.decode(written)).toEqual(read);
    expect(written.length).toBe(one.bytes.length / 2);
  });
});

const DEFAULTS: ReadonlySet<unknown> = new Set([undefined, '', 0, '0', false, 'unknown']);

/**
 * Every scalar with its place, sorted, in one form for both: a `oneof` without its wrapper, names of
 * enumerations in capitals, numbers as text, times in seconds. Defaults are left out.
 */
function leaves(value: unknown, place = ''): readonly string[] {
  if (DEFAULTS.has(value)) return [];
  if (Array.isArray(value)) return value.flatMap((item, i) => leaves(item, `${place}[${i}]`));
  if (typeof value !== 'object' || value === null) return [`${place} = ${scalar(String(value))}`];
  const entries = Object.entries(value);
  if ('kind' in value && 'value' in value && entries.length === 2) {
    // the name of the oneof is not on the wire
    return leaves(value.value, place.replace(/[^.]*$/, String(value.kind)));
  }
  if ('seconds' in value && 'nanos' in value) {
    return [`${place} = ${Number(value.seconds) + Number(value.nanos) / 1e9}`];
  }
  return entries.flatMap(([key, item]) => leaves(item, `${place}.${key}`)).sort();
}

function scalar(text: string): string {
  if (/^\d{4}-\d\d-\d\dT/.test(text)) return String(Date.parse(text) / 1000);
  return /^[A-Za-z_-]+$/.test(text) ? text.toUpperCase().replaceAll('-', '_') : text;
}
