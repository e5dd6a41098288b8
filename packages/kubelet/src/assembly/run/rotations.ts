import type { ScopeTask } from '@nodeagent/base';
import type { KubeClient } from '@nodeagent/kube-client';

import { type CertificateStore, clientTemplate, servingTemplate } from '../../credentials/index.js';
import { runCertificateRotation } from '../../credentials/run/index.js';
import type { OwnNode } from '../../node/run/index.js';
import type { IssuedCertificate } from '../../server/run/index.js';
import type { NodeApiConnection } from '../ports.js';
import type { Parts } from './parts.js';

export interface RotationParts extends Parts {
  readonly client: KubeClient;
  readonly api: Pick<NodeApiConnection, 'bootstrap' | 'rotatesClientCertificate'>;
  readonly ownNode: Pick<OwnNode, 'current'>;
  /** Shows serving certificates; undefined where they are not asked for. */
  readonly issued: IssuedCertificate | undefined;
}

/** The loops that keep the node's certificates in force. */
export function rotationTasks(parts: RotationParts): readonly ScopeTask[] {
  const { identity, adapters, client, api, ownNode, issued } = parts;
  const { certificates, clock, random, log, metrics } = adapters;
  const common = { client, clock, random, log, metrics, requests: certificates.requests };
  const tasks: ScopeTask[] = [];
  if (api.rotatesClientCertificate) {
    const store = certificates.store('client');
    const wanted = clientTemplate(identity.nodeName);
    tasks.push(async (signal) => {
      await api.bootstrap?.(signal);
      const options = { ...common, store, purpose: 'client', template: () => wanted } as const;
      await runCertificateRotation(options, signal);
    });
  }
  if (issued !== undefined) {
    const store = showing(certificates.store('server'), issued);
    const template = () =>
      servingTemplate(identity.nodeName, ownNode.current()?.status?.addresses ?? []);
    tasks.push((signal) =>
      runCertificateRotation({ ...common, store, purpose: 'server', template }, signal),
    );
  }
  return tasks;
}

/** Certificates that are read or saved are shown from then on. */
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
