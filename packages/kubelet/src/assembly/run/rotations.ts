import type { ScopeTask } from '@nodeagent/base';
import type { KubeClient } from '@nodeagent/kube-client';

import { type CertificateStore, clientTemplate, servingTemplate } from '../../credentials/index.js';
import { runCertificateRotation } from '../../credentials/run/index.js';
import type { OwnNode } from '../../node/run/index.js';
import type { IssuedCertificate } from '../../server/run/index.js';
import type { NodeApiConnection } from '../ports.js';
import type { Parts } from './parts.js';

export interface RotationOptions {
  readonly client: KubeClient;
  readonly api: Pick<NodeApiConnection, 'bootstrap' | 'rotatesClientCertificate'>;
  readonly ownNode: Pick<OwnNode, 'current'>;
  /** Serves the certificates; undefined unless the configuration requests them. */
  readonly issued: IssuedCertificate | undefined;
}

/** The loops that renew the node's certificates. */
export function rotationTasks(
  { identity, adapters }: Parts,
  { client, api, ownNode, issued }: RotationOptions,
): readonly ScopeTask[] {
  const { certificates, clock, random, log, metrics } = adapters;
  const { requests } = certificates;
  const tasks: ScopeTask[] = [];
  if (api.rotatesClientCertificate) {
    const store = certificates.store('client');
    const wanted = clientTemplate(identity.nodeName);
    tasks.push(async (signal) => {
      await api.bootstrap?.(signal);
      await runCertificateRotation(
        {
          ...{ client, clock, random, log, metrics, requests, store },
          purpose: 'client',
          template: () => wanted,
        },
        signal,
      );
    });
  }
  if (issued !== undefined) {
    const store = showing(certificates.store('server'), issued);
    const template = () =>
      servingTemplate(identity.nodeName, ownNode.current()?.status?.addresses ?? []);
    tasks.push((signal) =>
      runCertificateRotation(
        {
          ...{ client, clock, random, log, metrics, requests, store },
          purpose: 'server',
          template,
        },
        signal,
      ),
    );
  }
  return tasks;
}

/** Makes the node API serve each certificate that is read from or saved to the store. */
function showing(store: CertificateStore, issued: IssuedCertificate): CertificateStore {
  return {
    current: async () => {
      const held = await store.current();
      if (held !== undefined) issued.show(held.pem, held.certificate.notAfterMs);
      return held;
    },
    inspect: (pem) => store.inspect(pem),
    save: (pem, nowMs) => store.save(pem, nowMs),
  };
}
