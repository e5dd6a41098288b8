import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

import { headerProblem, type HttpRequest, planHttpRequest, planRedirect } from '@nodeagent/probes';

import type { HookCaller, HookRequest } from '../ports.js';

/** OpenSSL's error codes for a plain-text answer. */
const NOT_TLS = /^(EPROTO|ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG))$/;
/** Kubernetes 1.36 pkg/kubelet/lifecycle/handlers.go, maxRespBodyLength. */
const BODY_LIMIT_BYTES = 10 * 1024;
/** Time limit for reading a body. No result depends on the body. */
const BODY_MS = 10_000;

/**
 * Calls lifecycle hooks by HTTP; redirects are followed as for probes. The signal carries the
 * hook's time limit. At most 10 KiB of a response body are read, for at most 10 s.
 */
export const callHook: HookCaller = async (hook, signal) => {
  let request = planned(hook);
  for (let hops = 0; ; hops += 1) {
    const answer = await send(request, signal);
    if (answer === 'not-tls') return answer;
    const step = planRedirect(request, answer, hops);
    if (step.kind === 'answer') return 'answered';
    if (step.kind === 'fail') throw new Error(step.detail);
    request = step.request;
  }
};

/** @throws {Error} with the reason if the hook cannot be sent as specified */
function planned(hook: HookRequest): HttpRequest {
  const instance = { id: '', state: 'running', restartable: false } as const;
  const request = planHttpRequest({ kind: 'http', ...hook }, instance);
  if (typeof request === 'string') throw new Error(request);
  const problem = headerProblem(request);
  if (problem !== undefined) throw new Error(problem);
  return request;
}

type Answer = Readonly<{ status: number; location: string | undefined }>;

function send(
  { scheme, hostname, port, target, host, headers }: HttpRequest,
  signal: AbortSignal,
): Promise<Answer | 'not-tls'> {
  const all: Record<string, string[]> = {};
  for (const { name, value } of headers) (all[name] ??= []).push(inUtf8(value));
  const options = {
    ...{ host: hostname, port, path: target, method: 'GET', signal },
    headers: { ...all, Host: host },
    agent: false,
    rejectUnauthorized: false,
  } as const;
  return new Promise((resolve, reject) => {
    const start = scheme === 'https' ? httpsRequest : httpRequest;
    const request = start(options, (response: IncomingMessage) => {
      const { statusCode: status = 0, headers: answered } = response;
      readSome(response);
      response.on('close', () => resolve({ status, location: answered.location }));
      response.on('error', () => undefined); // the rest of the body is not needed; `close` follows
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (scheme === 'https' && NOT_TLS.test(error.code ?? '')) resolve('not-tls');
      else reject(error);
    });
    request.end();
  });
}

/**
 * Reads the rest of an unneeded body if it is short, so that the connection can be reused;
 * otherwise closes the connection.
 */
function readSome(response: IncomingMessage): void {
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes >= BODY_LIMIT_BYTES) response.destroy();
  });
  const timer = setTimeout(() => response.destroy(), BODY_MS);
  response.once('close', () => clearTimeout(timer));
}

/**
 * Node.js writes each character of a header as one byte, so this returns one character for each
 * byte of the UTF-8 text.
 */
function inUtf8(value: string): string {
  return Buffer.from(value.trim(), 'utf8').toString('latin1');
}
