import { connect } from 'node:net';

import { describeDialTimeout, describeSocketError, isOwnLack } from '../codec/socket-error.js';
import type { ProbeOutcome } from '../model/result.js';
import type { Attempt, TcpRequest } from '../ports.js';
import { closeSocket } from './close-socket.js';

/**
 * Success means an accepted connection; it is closed at once and nothing is sent.
 *
 * @see Kubernetes 1.36 pkg/probe/tcp/tcp.go
 */
export function createTcpProber(): Attempt<TcpRequest> {
  return (request, signal) =>
    new Promise<ProbeOutcome>((resolve, reject) => {
      signal.throwIfAborted();
      const { hostname, port, timeoutMs } = request;
      const socket = connect({ host: hostname, port });
      const finish = (outcome: ProbeOutcome): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        resolve(outcome);
      };
      const onAbort = (): void => {
        clearTimeout(timer);
        socket.destroy();
        reject(signal.reason as Error);
      };
      const timer = setTimeout(() => {
        socket.destroy();
        finish({ result: 'failure', detail: describeDialTimeout(request) });
      }, timeoutMs);
      signal.addEventListener('abort', onAbort, { once: true });
      socket.once('connect', () => {
        closeSocket(socket);
        finish({ result: 'success', detail: '' });
      });
      // The listener stays until the socket is closed: errors during the close have no effect.
      socket.on('error', (error: NodeJS.ErrnoException) => {
        const result = isOwnLack(error) ? 'error' : 'failure';
        finish({ result, detail: describeSocketError(error, 'dial', request) });
      });
    });
}
