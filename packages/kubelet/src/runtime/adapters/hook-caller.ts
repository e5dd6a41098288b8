import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

import { headerProblem, type HttpRequest, planHttpRequest, planRedirect } from '@nodeagent/probes';

import type { HookCaller, HookRequest } from '../ports.js';

/** What OpenSSL makes of an answer in plain text. */
const NOT_TLS = /^(EPROTO|ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG))$/;
/** Kubernetes 1.36 pkg/kubelet/lifecycle/handlers.go, maxRespBodyLength. */
const BODY_LIMIT_BYTES = 10 * 1024;
/** How long a body may take: nothing depends on it. */
const BODY_MS = 10_000;

/**
 * Lifecycle hooks by HTTP; redirects are followed as probes do. The hook's time limit comes by its
 * signal. Of an answer's body at most 10 KiB are read, for at most 10 s.
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

/** @throws {Error} with the reason where the hook cannot be sent as it is */
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
      response.on('error', () => undefined); // what it broke off of is not needed; its close follows
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (scheme === 'https' && NOT_TLS.test(error.code ?? '')) resolve('not-tls');
      else reject(error);
    });
    request.end();
  });
}

/** Reads a body that nobody needs to its end, so far as that is near; then the connection goes. */
function readSome(response: IncomingMessage): void {
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes >= BODY_LIMIT_BYTES) response.destroy();
  });
  const timer = setTimeout(() => response.destroy(), BODY_MS);
  response.once('close', () => clearTimeout(timer));
}

/** Node.js writes one byte for each letter of a header: here each letter stands for a byte. */
function inUtf8(value: string): string {
  return Buffer.from(value.trim(), 'utf8').toString('latin1');
}
