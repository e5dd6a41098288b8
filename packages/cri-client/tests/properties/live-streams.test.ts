import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

import { checkReader, mapped, mutatedTexts, mutatedTrees } from '@nodeagent/testbed/mutations';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';

import { openPortForward, openSession } from '../../src/adapters/streaming.js';
import { isCriError } from '../../src/model/errors.js';
import { readLogBytesFrom, readLogFrom } from '../../src/run/read-log.js';
import { MemoryLogFiles } from '../support/memory-log-files.js';

const { signal } = new AbortController();

type Frame = readonly [channel: number, text: string];

const STATUS = JSON.stringify({
  status: 'Failure',
  reason: 'NonZeroExitCode',
  details: { causes: [{ reason: 'ExitCode', message: '17' }] },
});
const SESSION: readonly Frame[] = [
  [1, 'out'],
  [2, 'err'],
  [1, ''],
  [1, 'x'.repeat(50_000)],
  [3, STATUS],
];
/** Each channel begins with its port: 0x1f90 is 8080. */
const FORWARD: readonly Frame[] = [
  [0, '\u0090\u001f'],
  [1, '\u0090\u001f'],
  [2, '\u0090\u001f'],
  [3, '\u0090\u001f'],
  [0, 'first'],
  [2, 'second'],
];

/** Messages of any length on any channel. */
const framesOf = (session: readonly Frame[]) =>
  mapped(mutatedTrees([session], { keep: (path) => path.length === 0 }), (value) =>
    (value as readonly unknown[]).map((frame) => {
      const [channel, text] = Array.isArray(frame) ? (frame as readonly unknown[]) : [frame];
      const head = typeof channel === 'number' ? [Math.trunc(channel) & 255] : [];
      return Buffer.concat([
        Buffer.from(head),
        Buffer.from(typeof text === 'string' ? text : '', 'latin1'),
      ]);
    }),
  );

let server: WebSocketServer;
let url: string;
let frames: readonly Buffer[] = [];

beforeAll(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', (socket: WebSocket) => {
    for (const frame of frames) socket.send(frame);
    socket.close();
  });
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/exec`;
});
afterAll(() => server.close());

function sentOn(channel: number): Buffer {
  return Buffer.concat(frames.filter(([head]) => head === channel).map((each) => each.subarray(1)));
}

describe('Sessions of a runtime that sends what it likes', () => {
  test('end with an exit code or a CriError, and give all output that was asked for', () =>
    checkReader({
      name: 'openSession',
      inputs: framesOf(SESSION),
      read: async (session) => {
        frames = session;
        const streams = { tty: false, stdin: false, stdout: true, stderr: false };
        const opened = await openSession(url, streams, signal);
        const [out, err, code] = await Promise.all([
          buffer(opened.stdout),
          buffer(opened.stderr),
          opened.exitCode.catch((error: unknown) => {
            assert.ok(isCriError(error), String(error));
            return 0;
          }),
        ]);
        assert.ok(Number.isSafeInteger(code), `exit code ${code}`);
        assert.ok(out.equals(sentOn(1)));
        assert.equal(err.length, 0);
      },
      share: 200,
    }));

  test('to ports end each, with what came for it or a CriError, whatever the other gets', () =>
    checkReader({
      name: 'openPortForward',
      inputs: framesOf(FORWARD),
      read: async (session) => {
        frames = session;
        const { connections } = await openPortForward(url, [8080, 8080], signal);
        connections[0]?.destroy();
        const [, second] = connections;
        try {
          const got = await buffer(second!);
          assert.ok(got.length <= sentOn(2).length);
          assert.ok(
            sentOn(2)
              .subarray(sentOn(2).length - got.length)
              .equals(got),
          );
        } catch (error) {
          assert.ok(isCriError(error), String(error));
        }
      },
      share: 200,
    }));
});

const LOG = [
  '2016-10-06T00:17:09.669794202Z stdout F first',
  '2016-10-06T00:17:09.669794203Z stderr P half',
  '2016-10-06T00:17:10+01:00 stdout F ü',
  '2016-10-06T00:17:09.7Z stderr F other half',
  '',
].join('\n');

/** In pieces that are written one after the other while somebody follows. */
async function followed<T>(
  pieces: readonly string[],
  read: (files: MemoryLogFiles, isRunning: () => Promise<boolean>) => AsyncIterable<T>,
): Promise<readonly T[]> {
  const files = new MemoryLogFiles();
  files.append('log', pieces[0] ?? '');
  let left = pieces.slice(1);
  const isRunning = async (): Promise<boolean> => left.length > 0;
  const entries: T[] = [];
  const state = { isOver: false };
  const reading = (async () => {
    for await (const entry of read(files, isRunning)) entries.push(entry);
  })().finally(() => (state.isOver = true));
  while (!state.isOver) {
    await Promise.race([files.idle(), reading.catch(() => undefined)]);
    const [next] = left;
    if (next !== undefined) files.append('log', next);
    left = left.slice(1);
    files.touch('quiet');
  }
  await reading;
  assert.equal(files.openFiles, 0);
  return entries;
}

describe('Logs that are written while they are followed', () => {
  test('say the same as those that are read afterwards, or are refused as those', () =>
    checkReader({
      name: 'readLogFrom, readLogBytesFrom',
      inputs: mutatedTexts([LOG]),
      read: async (log) => {
        const step = 1 + (log.length % 37) + Math.floor(log.length / 8);
        const pieces = Array.from({ length: Math.ceil(log.length / step) }, (_, i) =>
          log.slice(i * step, (i + 1) * step),
        );
        // a character of two units may be cut there: it is another then
        const whole = pieces.map((piece) => Buffer.from(piece).toString()).join('');
        const later = new MemoryLogFiles();
        later.append('log', whole);
        for (const readOne of [readText, readBytes]) {
          const want = await orRefused(readOne(later, {}));
          const got = await orRefused(
            followed(pieces, (files, isRunning) =>
              readOne.entries(files, { follow: true, isRunning }),
            ).then((entries) => Buffer.concat(entries).toString()),
          );
          assert.equal(got, want);
        }
      },
      share: 100,
    }));
});

type Options = Readonly<{ follow?: boolean; isRunning?: () => Promise<boolean> }>;

interface ReadOne {
  (files: MemoryLogFiles, options: Options): Promise<string>;
  entries(files: MemoryLogFiles, options: Options): AsyncIterable<Uint8Array>;
}

function readerOf(entries: ReadOne['entries']): ReadOne {
  const all = async (files: MemoryLogFiles, options: Options): Promise<string> => {
    const found: Uint8Array[] = [];
    for await (const entry of entries(files, options)) found.push(entry);
    return Buffer.concat(found).toString();
  };
  return Object.assign(all, { entries });
}

const readText = readerOf(async function* (files, options) {
  for await (const { data } of readLogFrom(files, { path: 'log', options }, signal)) yield data;
});
const readBytes = readerOf((files, options) =>
  readLogBytesFrom(files, { path: 'log', options }, signal),
);

async function orRefused(answer: Promise<string>): Promise<string> {
  try {
    return await answer;
  } catch (error) {
    if (!isCriError(error, 'CRI_LOG_FORMAT')) throw error;
    return 'refused';
  }
}
