import assert from 'node:assert/strict';

import { checkReader, mutatedBytes } from '@nodeagent/testbed/mutations';
import { test } from 'vitest';

import { FrameSplitter } from '../../src/codec/frames.js';
import { decodeMessage, encodeMessage, isDbusError } from '../../src/index.js';

const SAMPLES = [
  encodeMessage({
    ...{ type: 'signal', serial: 5, path: '/org/freedesktop/systemd1', sender: ':1.0' },
    ...{ interface: 'org.freedesktop.systemd1.Manager', member: 'JobRemoved', signature: 'uoss' },
    body: [42, '/org/freedesktop/systemd1/job/42', 'kubepods.slice', 'done'],
  }),
  encodeMessage({
    ...{ type: 'return', serial: 6, replySerial: 3, sender: ':1.0', signature: 'a{sv}a(sb)ayd' },
    body: [
      [
        ['Version', { signature: 's', value: '252' }],
        ['Nested', { signature: 'v', value: { signature: 'at', value: [1n, 2n] } }],
      ],
      [['x', true]],
      Uint8Array.of(1, 2, 3),
      0.5,
    ],
  }),
];

test('every message is understood or refused, whatever its bytes', () =>
  checkReader({
    name: 'decodeMessage',
    inputs: mutatedBytes(SAMPLES),
    read: (bytes) => {
      for (const frame of new FrameSplitter(2 ** 20).push(bytes)) {
        const message = decodeMessage(frame);
        if (message === undefined) continue;
        // what was understood can be said again, but for the order of bytes and unknown fields
        assert.deepEqual(decodeMessage(encodeMessage(message)), message);
      }
    },
    refuses: (error) => isDbusError(error, 'DBUS_MALFORMED', 'DBUS_TOO_LARGE'),
    share: 4000,
  }));
