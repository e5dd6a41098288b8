import type { SecureServerOptions } from 'node:http2';

import { createKubeClient, type HttpKubeClient, type KubeClientOptions } from '../../src/http.js';
import { type Authority, createAuthority, type Pair } from './certificates.js';
import { type Script, type ScriptedServer, startScriptedServer } from './scripted-server.js';

type Closer = () => Promise<void> | void;

/** HTTP/2 servers and clients that trust them, until `close`. */
export class Http2World {
  readonly #closers: Closer[] = [];
  readonly authority: Authority;
  readonly #serving: Pair;

  private constructor(authority: Authority, serving: Pair) {
    this.authority = authority;
    this.#serving = serving;
  }

  static async create(): Promise<Http2World> {
    const authority = await createAuthority('test-ca');
    const names = [{ type: 'ip', value: '127.0.0.1' }] as const;
    return new Http2World(authority, await authority.issue('CN=server', { names }));
  }

  get tls(): Readonly<{ cert: string; key: string }> {
    return { cert: this.#serving.certificatePem, key: this.#serving.keyPem };
  }

  async server(
    script: Script,
    settings: SecureServerOptions['settings'] = {},
  ): Promise<ScriptedServer> {
    const server = await startScriptedServer(script, { tls: this.tls, http2: settings });
    this.onClose(server.close);
    return server;
  }

  client(port: number, options: KubeClientOptions = {}): HttpKubeClient {
    const ca = { kind: 'inline', text: this.authority.certificatePem } as const;
    const server = `https://127.0.0.1:${port}`;
    const client = createKubeClient({ server, source: 'test', user: {}, ca }, options);
    this.onClose(() => client.close());
    return client;
  }

  onClose(closer: Closer): void {
    this.#closers.push(closer);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}
