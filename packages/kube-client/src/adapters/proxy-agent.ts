import { Buffer } from 'node:buffer';
import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, type ConnectionOptions } from 'node:tls';

type Done = (error: Error | null, stream: Duplex) => void;

interface Target extends ConnectionOptions {
  readonly host?: string;
  readonly port?: number;
}

/** An agent whose connections go through an HTTP proxy's CONNECT. */
export function createProxyAgent(
  proxyUrl: string,
  options: https.AgentOptions,
  isTls: boolean,
): http.Agent {
  const proxy = new URL(proxyUrl);
  const tunnel = (target: Target, done: Done): undefined => {
    openTunnel(proxy, target).then(
      (socket) => done(null, isTls ? connect({ ...target, socket }) : socket),
      (error: Error) => done(error, undefined as never),
    );
    return undefined;
  };
  const agent = isTls ? new https.Agent(options) : new http.Agent(options);
  return Object.assign(agent, { createConnection: tunnel });
}

function openTunnel(proxy: URL, { host = '', port = 443 }: Target): Promise<Socket> {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const { username, password } = proxy;
  const secret = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const request = http.request({
    host: proxy.hostname,
    port: proxy.port === '' ? 80 : proxy.port,
    method: 'CONNECT',
    path: address,
    headers: {
      host: address,
      ...(username === ''
        ? {}
        : { 'proxy-authorization': `Basic ${Buffer.from(secret, 'utf8').toString('base64')}` }),
    },
  });
  return new Promise((resolve, reject) => {
    request.once('connect', ({ statusCode, statusMessage }, socket: Socket) => {
      if (statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(new Error(`the proxy ${proxy.host} answered ${statusCode} ${statusMessage}`));
    });
    request.once('error', (cause) => {
      reject(new Error(`the proxy ${proxy.host} cannot be used: ${cause.message}`, { cause }));
    });
    request.end();
  });
}
