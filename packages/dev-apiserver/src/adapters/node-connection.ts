import type { IncomingMessage, ServerResponse } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import { connect } from 'node:tls';

import { proxyUpgrade, type UpgradeRequest } from '@nodeagent/component-base/upgrade';

import { statusError } from '../model/errors.js';
import type { NodeTarget } from '../plan/node-path.js';
import { refusalOfNode } from '../plan/refusal-of-node.js';
import type { KeyedCertificate } from './pki.js';

/** The certificate that this server presents to a node. */
export type NodeIdentity = KeyedCertificate;

/** Maximum time until a node's answer begins; a log without a line has no beginning to send. */
const CONNECT_MS = 30_000;
/** The rest of a longer refusal text is cut off. */
const MAX_REFUSAL_BYTES = 64 * 1024;
/** Headers between two hops, which are not passed on. */
const HOP_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'host',
  'keep-alive',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Passes a client's upgrade on to the node and joins the two connections. */
export async function upgradeToNode(
  client: UpgradeRequest,
  target: NodeTarget,
  identity: NodeIdentity,
): Promise<void> {
  await proxyUpgrade(client, {
    connect: () => connectToNode(target, identity),
    host: hostOf(target),
    path: target.path,
    withhold: ['authorization'],
    idleTimeoutMs: 0,
  });
}

/**
 * Passes a request on and streams the answer back; a refusal becomes a Status if the target asks
 * for it.
 *
 * @returns when the client has its answer, or is gone
 * @throws {StatusError} when the node does not answer, or when its refusal becomes a Status
 */
export function forwardToNode(
  request: IncomingMessage,
  response: ServerResponse,
  { target, identity }: Readonly<{ target: NodeTarget; identity: NodeIdentity }>,
): Promise<'answered' | 'gone'> {
  const { promise, resolve, reject } = Promise.withResolvers<'answered' | 'gone'>();
  const headers = Object.entries(request.headers).filter(
    // HTTP/2's own headers begin with a colon
    ([name]) => !HOP_HEADERS.has(name) && !name.startsWith(':'),
  );
  const outgoing = httpsRequest({
    ...tlsOptions(target, identity),
    method: request.method,
    path: target.path,
    headers: { ...Object.fromEntries(headers), host: hostOf(target) },
    agent: false,
  });
  const gone = (): void => void outgoing.destroy();
  response.once('close', gone);
  outgoing.once('socket', (socket) => {
    socket.setTimeout(CONNECT_MS, () => {
      if (socket.connecting) outgoing.destroy(new Error('no connection in time'));
      else socket.setTimeout(0);
    });
  });
  outgoing.once('response', (answer) => {
    const status = answer.statusCode ?? 0;
    if (status >= 400 && target.wordsRefusals === true) {
      readText(answer).then((text) => {
        response.off('close', gone);
        reject(refusalOfNode(status, text.trimEnd()));
      }, reject);
      return;
    }
    const kept = Object.entries(answer.headers).filter(([name]) => !HOP_HEADERS.has(name));
    response.writeHead(status, Object.fromEntries(kept));
    response.flushHeaders();
    // an answer that breaks off must not look like a complete one
    answer.once('error', () => response.destroy());
    answer.once('close', () => (answer.complete ? undefined : response.destroy()));
    answer.pipe(response);
    response.once('close', () => resolve('answered'));
  });
  outgoing.once('error', (error) => {
    if (response.headersSent || response.destroyed) resolve('gone');
    else reject(statusError.internal(`error trying to reach the node: ${error.message}`));
  });
  request.pipe(outgoing);
  return promise;
}

function connectToNode(target: NodeTarget, identity: NodeIdentity): Socket {
  const { host, port } = target;
  const { certificatePem: cert, keyPem: key } = identity;
  const options = { host, port, cert, key, rejectUnauthorized: false, allowHalfOpen: true };
  return connect(options);
}

/**
 * A kubelet's certificate is usually self-signed: like an API server by default, this server does
 * not verify it.
 */
function tlsOptions(
  { host, port }: NodeTarget,
  identity: NodeIdentity,
): RequestOptions & { port: number } {
  const { certificatePem: cert, keyPem: key } = identity;
  return { host, port, cert, key, rejectUnauthorized: false };
}

function hostOf({ host, port }: NodeTarget): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_REFUSAL_BYTES) break;
  }
  return Buffer.concat(chunks).toString();
}
