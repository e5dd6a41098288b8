import type { Duplex, Readable } from 'node:stream';

import type {
  ChannelHandlers,
  ChannelProtocol,
  ChannelSocket,
  OpenChannels,
  SessionFailure,
} from '@nodeagent/pod-streams';
import { openPortForward, openSession, type Session } from '@nodeagent/pod-streams/streams';

import { attachPath, execPath, portForwardPath } from '../codec/request-path.js';
import { errorFromSession } from '../codec/session-error.js';
import { KubeError } from '../model/errors.js';
import { sessionStreams } from '../plan/session.js';
import type { AttachOptions, ExecOptions, ObjectName } from '../ports.js';

/** The part of a client that sessions need. */
export interface ChannelSource {
  openChannels(
    path: string,
    session: Readonly<{ protocols: readonly ChannelProtocol[]; handlers: ChannelHandlers }>,
    signal: AbortSignal,
  ): Promise<ChannelSocket>;
}

/** A command to run to its end. */
export interface CommandOptions extends Pick<ExecOptions, 'command' | 'container'> {
  /** The command's input; it has none when absent. */
  readonly stdin?: string | Uint8Array;
  /** Limits the bytes of both outputs together; 16 MiB when absent. */
  readonly maxOutputBytes?: number;
}

/** A command that has ended. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const MAX_OUTPUT_BYTES = 16 * 2 ** 20;

/** A pod's session to be opened. */
interface Request {
  readonly source: ChannelSource;
  readonly name: ObjectName;
  readonly signal: AbortSignal;
}

/** @throws {KubeError} */
export async function openExec(request: Request, options: ExecOptions): Promise<Session> {
  return openAt(request, execPath(request.name, options), options);
}

/** @throws {KubeError} */
export async function openAttach(request: Request, options: AttachOptions): Promise<Session> {
  return openAt(request, attachPath(request.name, options), options);
}

/** @throws {KubeError} also `KUBE_PROTOCOL` when the output is too long */
export async function runCommand(
  request: Request,
  { command, container, stdin, maxOutputBytes = MAX_OUTPUT_BYTES }: CommandOptions,
): Promise<CommandResult> {
  const options: ExecOptions = {
    command,
    stdin: stdin !== undefined,
    ...(container !== undefined && { container }),
  };
  const path = execPath(request.name, options);
  const session = await openAt(request, path, options);
  let room = maxOutputBytes;
  const collect = async (output: Readable): Promise<string> => {
    const chunks: Buffer[] = [];
    for await (const chunk of output as AsyncIterable<Buffer>) {
      room -= chunk.length;
      if (room < 0) throw tooLong(path, maxOutputBytes);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
  };
  if (stdin !== undefined) session.stdin.end(stdin);
  try {
    const outputs = [collect(session.stdout), collect(session.stderr)] as const;
    const [stdout, stderr, exitCode] = await Promise.all([...outputs, session.exitCode]);
    return { exitCode, stdout, stderr };
  } finally {
    session.close();
  }
}

/** @throws {KubeError} */
export async function connectPort(
  { source, name, signal }: Request,
  port: number,
): Promise<Duplex> {
  const path = portForwardPath(name, port);
  const options = { ports: [port], toError: toErrorOf(path) };
  const { connections } = await openPortForward(channelsAt(source, path, signal), options);
  return connections[0] as Duplex; // one for each port
}

function openAt(
  { source, signal }: Request,
  path: string,
  options: AttachOptions,
): Promise<Session> {
  const streams = sessionStreams(options);
  return openSession(channelsAt(source, path, signal), { streams, toError: toErrorOf(path) });
}

function channelsAt(source: ChannelSource, path: string, signal: AbortSignal): OpenChannels {
  return (protocols, handlers) => source.openChannels(path, { protocols, handlers }, signal);
}

function toErrorOf(path: string): (failure: SessionFailure) => KubeError {
  return (failure) => errorFromSession(askedFor(path), failure);
}

function tooLong(path: string, bytes: number): KubeError {
  const problem = `the command's output is longer than ${bytes} bytes (maxOutputBytes)`;
  return new KubeError('KUBE_PROTOCOL', `${askedFor(path)}: ${problem}`);
}

function askedFor(path: string): string {
  return `GET ${path.split('?', 1)[0]}`;
}
