import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

import type { HookCaller } from '../ports.js';

/** What OpenSSL makes of an answer in plain text. */
const NOT_TLS = /^(EPROTO|ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG))$/;

/** Lifecycle hooks by HTTP. The hook's own time limit comes by its signal. */
export const callHook: HookCaller = (hook, signal) => {
  const { scheme, host, port, path, headers } = hook;
  const options = {
    host,
    port,
    path,
    method: 'GET',
    headers: Object.fromEntries(headers.map(({ name, value }) => [name, value])),
    signal,
    agent: false,
    rejectUnauthorized: false,
  } as const;
  return new Promise((resolve, reject) => {
    const send = scheme === 'https' ? httpsRequest : httpRequest;
    const request = send(options, (response) => {
      response.resume();
      response.on('close', () => resolve('answered'));
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (scheme === 'https' && NOT_TLS.test(error.code ?? '')) resolve('not-tls');
      else reject(error);
    });
    request.end();
  });
};
