import { request } from 'node:https';

import type { WebhookAnswer, WebhookCaller } from '../ports.js';

/** A webhook's answer may be this large. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/** Calls webhooks over HTTPS, each on a connection of its own. */
export const callWebhook: WebhookCaller = ({ url, connectTo, caPem, body, timeoutMs }) =>
  new Promise((resolve) => {
    const target = new URL(url);
    target.searchParams.set('timeout', `${timeoutMs / 1_000}s`);
    const fail = (why: string): void =>
      resolve({ failure: `failed to call webhook: Post "${target.href}": ${why}` });
    const bytes = Buffer.from(JSON.stringify(body));
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json',
      'content-length': bytes.length,
    };
    const signal = AbortSignal.timeout(timeoutMs);
    const tls = caPem === undefined ? {} : { ca: caPem };
    const options = { method: 'POST', headers, agent: false, signal, ...tls };
    const through =
      connectTo === undefined
        ? {}
        : { hostname: connectTo.host, port: connectTo.port, servername: target.hostname };
    const call = request(target, { ...options, ...through });
    call.on('error', (error: NodeJS.ErrnoException) => {
      fail(signal.aborted ? 'context deadline exceeded' : whyNot(error, target));
    });
    call.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_ANSWER_BYTES) call.destroy(new Error('the answer is too large'));
        else chunks.push(chunk);
      });
      response.on('error', (error) => fail(whyNot(error, target)));
      response.on('end', () => {
        resolve(readAnswer(response.statusCode ?? 0, Buffer.concat(chunks).toString()));
      });
    });
    call.end(bytes);
  });

function readAnswer(httpStatus: number, text: string): WebhookAnswer {
  if (httpStatus !== 200) {
    const why =
      httpStatus === 404
        ? 'the server could not find the requested resource'
        : `an error on the server (${JSON.stringify(text.slice(0, 200))}) has prevented the request from succeeding`;
    return { failure: `failed to call webhook: ${why}` };
  }
  try {
    return { answer: JSON.parse(text) as unknown };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { failure: `failed to call webhook: ${error.message}` };
  }
}

const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

/** Says it in Go's words where they are known. */
function whyNot({ code = '', message }: NodeJS.ErrnoException, { host }: URL): string {
  if (code === 'ECONNREFUSED') return `dial tcp ${host}: connect: connection refused`;
  if (!UNTRUSTED.has(code)) return message;
  return 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
}
