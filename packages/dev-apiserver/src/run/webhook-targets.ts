import { kindOf } from '../model/kinds.js';
import type { Webhook } from '../model/webhook.js';
import { endpointOf, serviceUrl, type WebhookTarget } from '../plan/webhooks/service-target.js';
import type { ResolveService } from '../ports.js';
import type { Registry } from './registry.js';

const SERVICES = kindOf('', 'services');
const SLICES = kindOf('discovery.k8s.io', 'endpointslices');

/** Finds out where to call a webhook. @returns a failure, as text, when its Service has no server */
export async function targetOf(
  registry: Registry,
  { clientConfig: { url = '', service } }: Webhook,
  resolve: ResolveService | undefined,
): Promise<WebhookTarget | string> {
  if (service === undefined) return { url };
  const { namespace, name, port = 443, path = '/' } = service;
  const own = await resolve?.({ namespace, name, port });
  if (own !== undefined) return { url: new URL(path, own).href };
  const slices = registry
    .all(SLICES)
    .filter(
      ({ metadata }) =>
        metadata.namespace === namespace &&
        metadata.labels?.['kubernetes.io/service-name'] === name,
    );
  const found = endpointOf(service, registry.find(SERVICES, { namespace, name }), slices);
  const shown = serviceUrl(service);
  if (typeof found !== 'string') return { url: shown, connectTo: found };
  return `failed to call webhook: Post "${shown}": ${found}`;
}
