import { type ApiObject, isObject, type JsonObject, listAt, textAt } from '../../model/object.js';
import type { ServiceReference } from '../../model/webhook.js';

/** The address of a webhook; `connectTo` is that of its server, when the URL does not have it. */
export interface WebhookTarget {
  readonly url: string;
  readonly connectTo?: Readonly<{ host: string; port: number }>;
}

/** The URL of a Service, whose host is the name that the webhook's certificate must have. */
export function serviceUrl({ namespace, name, port = 443, path = '/' }: ServiceReference): string {
  return `https://${name}.${namespace}.svc:${port}${path}`;
}

/**
 * Chooses a ready endpoint of a Service.
 *
 * @param slices the EndpointSlices of the Service
 * @returns a reason, as text, when there is none
 */
export function endpointOf(
  { name, port = 443 }: ServiceReference,
  service: ApiObject | undefined,
  slices: readonly ApiObject[],
): Readonly<{ host: string; port: number }> | string {
  if (service === undefined) return `service "${name}" not found`;
  const entry = listAt(service, 'spec.ports').find((one) => Number(one['port']) === port);
  if (entry === undefined) return `no service port ${port} found for service "${name}"`;
  if (textAt(service, 'spec.type') === 'ExternalName') {
    return { host: textAt(service, 'spec.externalName'), port };
  }
  for (const slice of slices) {
    const found = listAt(slice, 'ports').find((one) => nameOf(one) === nameOf(entry));
    const endpoint = listAt(slice, 'endpoints').find(isReady);
    const [host] = endpoint === undefined ? [] : addressesOf(endpoint);
    if (found !== undefined && host !== undefined) return { host, port: Number(found['port']) };
  }
  return `no endpoints available for service "${name}"`;
}

function nameOf(port: JsonObject): string {
  return textAt(port, 'name');
}

/** An endpoint that says nothing about itself is ready. */
function isReady({ conditions }: JsonObject): boolean {
  return !isObject(conditions) || conditions['ready'] !== false;
}

function addressesOf({ addresses }: JsonObject): readonly string[] {
  return Array.isArray(addresses) ? addresses.map(String) : [];
}
