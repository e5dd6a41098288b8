import { ProxyError } from '../model/errors.js';
import type { HttpAnswer, HttpHandler, HttpListener } from '../ports.js';

/** Servers without sockets: each address can be taken once. */
export class MemoryHttp implements HttpListener {
  readonly servers = new Map<string, HttpHandler>();

  async listen({ host, port }: { host: string; port: number }, handler: HttpHandler) {
    const key = `${host} ${port}`;
    if (this.servers.has(key)) throw new ProxyError('PROXY_LISTEN', `${key}: address in use`);
    this.servers.set(key, handler);
    return { close: async () => void this.servers.delete(key) };
  }

  /** Returns the answer of the server at `host port` to a GET. */
  async get(at: string, path = '/'): Promise<HttpAnswer> {
    const handler = this.servers.get(at);
    if (handler === undefined) throw new Error(`nothing listens on ${at}`);
    return handler({ method: 'GET', path, query: new URLSearchParams() });
  }
}
