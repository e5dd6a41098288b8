import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { checkReader, mutatedBytes } from '@nodeagent/testbed/mutations';
import type { AnyMethod } from '@nodeagent/unix-grpc';
import { describe, test } from 'vitest';

import { CONTROLLER, GROUP_CONTROLLER, IDENTITY, NODE, REGISTRATION } from '../../src/index.js';

const path = join(import.meta.dirname, '../fixtures/recorded/csi-1.9.json');
const recorded = JSON.parse(readFileSync(path, 'utf8')) as readonly {
  /** `csi.v1.Node.NodePublishVolume` */
  readonly method: string;
  readonly part: 'request' | 'reply';
  /** Hexadecimal. */
  readonly bytes: string;
}[];

const SERVICES: readonly (readonly [string, Readonly<Record<string, AnyMethod>>])[] = [
  ['Identity', IDENTITY],
  ['Controller', CONTROLLER],
  ['GroupController', GROUP_CONTROLLER],
  ['Node', NODE],
  ['Registration', REGISTRATION],
];

describe('Bytes of a driver or of its caller', () => {
  test.each(SERVICES)(
    '%s: are a message that is written as it was read, or refused',
    async (_, table) => {
      for (const method of Object.values(table)) {
        for (const part of ['request', 'reply'] as const) {
          const name = method.name.replace('/', '.');
          const samples = recorded.filter((one) => one.method === name && one.part === part);
          if (samples.length === 0) continue;
          const message = method[part];
          await checkReader({
            name: `${method.name} ${part}`,
            inputs: mutatedBytes(samples.map(({ bytes }) => Buffer.from(bytes, 'hex'))),
            read: (bytes) => {
              const value = message.decode(bytes);
              assert.deepEqual(message.decode(message.encode(value as object)), value);
            },
            // the protobuf library's errors, which the channel turns into a status
            refuses: (error) =>
              !(error instanceof assert.AssertionError) && !(error instanceof TypeError),
            share: 60,
          });
        }
      }
    },
  );
});
