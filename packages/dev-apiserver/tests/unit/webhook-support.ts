import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';

import { expect } from 'vitest';

import { type DevApiServer, type DevApiServerOptions, startDevApiServer } from '../../src/index.js';
import { adminOf, type Caller } from './caller.js';

export const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1';
export const PODS = '/api/v1/namespaces/default/pods';
export const MAPS = '/api/v1/namespaces/default/configmaps';
export const MERGE = { 'content-type': 'application/merge-patch+json' };

/** The part of an AdmissionReview's request that the tests read. */
export interface Asked {
  readonly uid: string;
  readonly operation: string;
  readonly name?: string;
  readonly dryRun: boolean;
  readonly subResource?: string;
  readonly kind: Readonly<{ version: string; kind: string }>;
  readonly requestKind: Readonly<{ version: string }>;
  readonly userInfo: Readonly<{ username: string }>;
  readonly object: Record<string, never> | null;
  readonly oldObject: Record<string, never> | null;
}

type Respond = (asked: Asked) => object;

/** A server, and a webhook that remembers what it was asked. */
export class Hooked {
  readonly server: DevApiServer;
  readonly admin: Caller;
  readonly hook: Server;
  readonly asked: Asked[] = [];
  respond: Respond = () => ({ allowed: true });

  private constructor(server: DevApiServer, admin: Caller, hook: Server) {
    this.server = server;
    this.admin = admin;
    this.hook = hook;
    hook.on('request', (request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      request.on('end', () => {
        const { request: about } = JSON.parse(text) as { request: Asked };
        this.asked.push(about);
        const answer = { uid: about.uid, ...this.respond(about) };
        const review = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' };
        response.end(JSON.stringify({ ...review, response: answer }));
      });
    });
  }

  /** @param names that the webhook's certificate has */
  static async start(
    names: readonly string[] = ['127.0.0.1'],
    options: DevApiServerOptions = {},
  ): Promise<Hooked> {
    const server = await startDevApiServer(options);
    const { certificatePem, keyPem } = await server.issueServerCertificate('hook', names);
    const hook = createServer({ cert: certificatePem, key: keyPem });
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
    return new Hooked(server, await adminOf(server), hook);
  }

  get port(): number {
    return (this.hook.address() as AddressInfo).port;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}/check`;
  }

  async register(
    phase: 'mutating' | 'validating',
    resources: readonly string[],
    more: object = {},
  ): Promise<void> {
    const caBundle = Buffer.from(this.server.caCertificatePem).toString('base64');
    const webhook = {
      name: `${phase}.example.com`,
      clientConfig: { url: this.url, caBundle },
      rules: [everyWrite(resources)],
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      ...more,
    };
    const path = `${CONFIGURATIONS}/${phase}webhookconfigurations`;
    const body = { metadata: { name: webhook.name }, webhooks: [webhook] };
    const { status, body: answer } = await this.admin.call('POST', path, body);
    expect({ status, message: answer['message'] }).toEqual({ status: 201, message: undefined });
  }

  async stop(): Promise<void> {
    this.hook.closeAllConnections();
    await new Promise((resolve) => this.hook.close(resolve));
    await this.server.stop();
  }
}

export function everyWrite(resources: readonly string[]): object {
  return { operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources };
}

export function patch(...operations: readonly object[]): object {
  const coded = Buffer.from(JSON.stringify(operations)).toString('base64');
  return { allowed: true, patchType: 'JSONPatch', patch: coded };
}
