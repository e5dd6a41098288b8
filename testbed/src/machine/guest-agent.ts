import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import type { CommandResult } from '../command.ts';
import { TestbedError } from '../errors.ts';

/** Commands in a virtual machine, through its QEMU guest agent. */
export interface GuestAgent {
  /** Runs a command to its end; any exit code is a result. */
  exec(argv: readonly string[], options?: ExecOptions): Promise<CommandResult>;
  /** Starts a command and leaves it alone: for one that ends the agent, too. */
  start(argv: readonly string[]): Promise<void>;
  /** @throws {TestbedError} `TESTBED_TIMED_OUT` unless the agent answers within `timeoutMs` */
  ping(timeoutMs: number): Promise<void>;
  close(): void;
}

export interface ExecOptions {
  readonly input?: string;
  /** 400 s when absent; the command goes on afterwards. */
  readonly timeoutMs?: number;
}

interface Answer {
  readonly return?: unknown;
  readonly error?: { readonly desc?: string };
}

interface ExecStatus {
  readonly exited: boolean;
  readonly exitcode?: number;
  readonly 'out-data'?: string;
  readonly 'err-data'?: string;
}

/** A look at whether a command has ended costs the guest 5 ms: long commands are looked at less often. */
const LOOKS = { leastMs: 100, mostMs: 2_000, part: 0.1 };
const CALL_MS = 60_000;
/** The byte before a delimited answer. */
const DELIMITER = 0xff;

/**
 * Opens the agent's channel. One call is under way at a time; commands run beside each other.
 *
 * @param path the unix socket of the virtual machine's port `org.qemu.guest_agent.0`
 * @see QEMU docs/interop/qemu-ga-ref
 */
export function openGuestAgent(path: string): GuestAgent {
  let socket: Socket | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let syncs = 0;
  const ready = async (timeoutMs: number): Promise<Socket> => {
    if (socket?.destroyed === false) return socket;
    socket = await open(path);
    const id = ++syncs;
    const request = { execute: 'guest-sync-delimited', arguments: { id } };
    const answer = await converse(socket, request, { timeoutMs, delimited: true });
    if (answer.return === id) return socket;
    throw new TestbedError('TESTBED_TIMED_OUT', 'the guest agent answered an older request');
  };
  const call = <T>(execute: string, args: object, timeoutMs = CALL_MS): Promise<T> => {
    const next = turn.then(async () => {
      const request = { execute, arguments: args };
      const answer = await converse(await ready(timeoutMs), request, { timeoutMs });
      if (answer.error === undefined) return answer.return as T;
      throw new TestbedError('TESTBED_COMMAND_FAILED', `${execute}: ${answer.error.desc}`);
    });
    turn = next.catch(() => {
      socket?.destroy(); // an answer may still come: only a new conversation is safe
    });
    return next;
  };
  return {
    exec: async ([program = '', ...args], { input, timeoutMs = 400_000 } = {}) => {
      const { pid } = await call<{ pid: number }>('guest-exec', {
        path: program,
        arg: args,
        'capture-output': true,
        ...(input !== undefined && { 'input-data': Buffer.from(input).toString('base64') }),
      });
      const startMs = performance.now();
      for (;;) {
        const status = await call<ExecStatus>('guest-exec-status', { pid });
        if (status.exited) {
          return {
            exitCode: status.exitcode ?? -1,
            stdout: decode(status['out-data']),
            stderr: decode(status['err-data']),
          };
        }
        const tookMs = performance.now() - startMs;
        if (tookMs > timeoutMs) {
          const text = `\`${[program, ...args].join(' ')}\` was still running after ${timeoutMs} ms`;
          throw new TestbedError('TESTBED_TIMED_OUT', text);
        }
        await delay(Math.min(LOOKS.mostMs, Math.max(LOOKS.leastMs, tookMs * LOOKS.part)));
      }
    },
    start: async ([program = '', ...args]) => {
      await call('guest-exec', { path: program, arg: args });
    },
    ping: (timeoutMs) => call('guest-ping', {}, timeoutMs),
    close: () => socket?.destroy(),
  };
}

function decode(text = ''): string {
  return Buffer.from(text, 'base64').toString();
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => resolve(socket));
    socket.once('error', reject);
  });
}

interface Conversation {
  readonly timeoutMs: number;
  /** The answer starts with a byte that no text has: what comes before is left from earlier. */
  readonly delimited?: boolean;
}

/** Sends one request and reads its answer, one line of JSON. */
function converse(
  socket: Socket,
  request: object,
  { timeoutMs, delimited = false }: Conversation,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let bytes: Buffer = Buffer.alloc(0);
    const timer = setTimeout(() => {
      end(() => reject(new TestbedError('TESTBED_TIMED_OUT', 'the guest agent does not answer')));
    }, timeoutMs);
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      socket.off('data', hear).off('close', gone).off('error', gone);
      settle();
    };
    const gone = (): void => {
      end(() => reject(new TestbedError('TESTBED_COMMAND_FAILED', 'the virtual machine is off')));
    };
    const hear = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      const from = delimited ? bytes.lastIndexOf(DELIMITER) + 1 : 0;
      const to = bytes.indexOf('\n', from);
      if (to < 0 || (delimited && from === 0)) return;
      const line = bytes.subarray(from, to).toString();
      end(() => resolve(JSON.parse(line) as Answer));
    };
    socket.on('data', hear).on('close', gone).on('error', gone);
    if (delimited) socket.write(Buffer.from([DELIMITER])); // ends a half request of an earlier one
    socket.write(`${JSON.stringify(request)}\n`);
  });
}
