import { isIPv6 } from 'node:net';

import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { formatGoDuration } from '@nodeagent/base';
import { hasFreeDescriptor } from '@nodeagent/base/system';

import { decodeHealthResponse, encodeHealthRequest } from '../codec/health-message.js';
import type { ProbeOutcome } from '../model/result.js';
import { PROBE_USER_AGENT } from '../plan/http-request.js';
import type { Attempt, GrpcRequest } from '../ports.js';

const METHOD = '/grpc.health.v1.Health/Check';

/**
 * Wait after the first failed connection. Each later wait is 1.6 times the previous one, ±20 %.
 * grpc-js has the same factors as grpc-go.
 *
 * @see grpc-go backoff/backoff.go, DefaultConfig
 */
const FIRST_RECONNECT_MS = 1000;

/**
 * Calls grpc.health.v1.Health/Check in plaintext on a connection of its own; SERVING is success. A
 * failed connection is retried until the probe's time is over.
 *
 * @see Kubernetes 1.36 pkg/probe/grpc/grpc.go
 */
export function createGrpcProber(): Attempt<GrpcRequest> {
  return async (request, signal) => {
    signal.throwIfAborted();
    const { address, port, service, timeoutMs } = request;
    const target = isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
    const client = new Client(target, credentials.createInsecure(), {
      'grpc.primary_user_agent': PROBE_USER_AGENT,
      'grpc.enable_http_proxy': 0,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': FIRST_RECONNECT_MS,
    });
    const deadline = new Date(Date.now() + timeoutMs);
    const within = formatGoDuration(timeoutMs);
    try {
      if (!(await connected(client, deadline, signal))) {
        const detail = `timeout: failed to connect service "${target}" within ${within}: context deadline exceeded`;
        // grpc-js does not say why: without a descriptor, the server was not even asked
        return { result: hasFreeDescriptor() ? 'failure' : 'error', detail };
      }
      return await check(client, { service, deadline, within }, signal);
    } finally {
      client.close();
    }
  };
}

function connected(client: Client, deadline: Date, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    client.waitForReady(deadline, (error) => {
      signal.removeEventListener('abort', onAbort);
      resolve(error === undefined);
    });
  });
}

function check(
  client: Client,
  { service, deadline, within }: Readonly<{ service: string; deadline: Date; within: string }>,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  return new Promise((resolve, reject) => {
    const call = client.makeUnaryRequest(
      METHOD,
      encodeHealthRequest,
      (bytes) => decodeHealthResponse(bytes) ?? 'not a health response',
      service,
      { deadline },
      (error, answer) => {
        signal.removeEventListener('abort', onAbort);
        if (signal.aborted) reject(signal.reason as Error);
        else if (error !== null) resolve({ result: 'failure', detail: rpcText(error, within) });
        else if (answer === 'SERVING') resolve({ result: 'success', detail: '' });
        else {
          const detail = `service unhealthy (responded with ${JSON.stringify(answer)})`;
          resolve({ result: 'failure', detail });
        }
      },
    );
    const onAbort = (): void => call.cancel();
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

function rpcText(error: ServiceError, within: string): string {
  switch (error.code) {
    case status.UNIMPLEMENTED:
      return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${error.details}`;
    case status.DEADLINE_EXCEEDED:
      return `timeout: health rpc did not complete within ${within}`;
    default:
      return `error: health rpc probe failed: ${error.message}`;
  }
}
