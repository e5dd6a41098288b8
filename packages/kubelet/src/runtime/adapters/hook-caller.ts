import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

import { type HttpRequest, planRedirect } from '@nodeagent/probes';

import type { HookCaller } from '../ports.js';

/** What OpenSSL makes of an answer in plain text. */
const NOT_TLS = /^(EPROTO|ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG))$/;

/** Lifecycle hooks by HTTP; redirects are followed as probes do. The hook's time limit comes by its signal. */
export const callHook: HookCaller = async (hook, signal) => {
  const { scheme, host, port, path, headers } = hook;
  const given = headers.find(({ name }) => name.toLowerCase() === 'host');
  let request: HttpRequest = {
    ...{ scheme, hostname: host, port, target: path },
    host: given?.value ?? '',
    headers: headers.filter((header) => header !== given),
  };
  for (let hops = 0; ; hops += 1) {
    const answer = await send(request, signal);
    if (answer === 'not-tls') return answer;
    const step = planRedirect(request, answer, hops);
    if (step.kind === 'answer') return 'answered';
    if (step.kind === 'fail') throw new Error(step.detail);
    request = step.request;
  }
};

type Answer = Readonly<{ status: number; location: string | undefined }>;

function send(
  { scheme, hostname, port, target, host, headers }: HttpRequest,
  signal: AbortSignal,
): Promise<Answer | 'not-tls'> {
  const all: Record<string, string[]> = {};
  for (const { name, value } of headers) (all[name] ??= []).push(value);
  const options = {
    ...{ host: hostname, port, path: target, method: 'GET', signal },
    headers: { ...all, ...(host !== '' && { Host: host }) },
    agent: false,
    rejectUnauthorized: false,
  } as const;
  return new Promise((resolve, reject) => {
    const start = scheme === 'https' ? httpsRequest : httpRequest;
    const request = start(options, (response: IncomingMessage) => {
      const { statusCode: status = 0, headers: answered } = response;
      response.resume();
      response.on('close', () => resolve({ status, location: answered.location }));
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (scheme === 'https' && NOT_TLS.test(error.code ?? '')) resolve('not-tls');
      else reject(error);
    });
    request.end();
  });
}
