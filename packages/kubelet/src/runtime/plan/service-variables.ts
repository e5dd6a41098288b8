import type { Service } from '@nodeagent/kube-client';

/**
 * `WEB_SERVICE_HOST` and similar variables for every service that a pod should see: the services of
 * its namespace if it enables service links, and always the API server's.
 *
 * @see Kubernetes 1.36 pkg/kubelet/envvars/envvars.go
 */
export function serviceVariables(
  services: readonly Service[],
  namespace: string,
  links: boolean,
): ReadonlyMap<string, string> {
  const chosen = new Map<string, Service>();
  for (const service of services) {
    const name = service.metadata?.name ?? '';
    const home = service.metadata?.namespace;
    const isApiServer = home === 'default' && name === 'kubernetes';
    if (!hasAddress(service)) continue;
    if (links && home === namespace) chosen.set(name, service);
    else if (isApiServer && !chosen.has(name)) chosen.set(name, service);
  }
  const variables = new Map<string, string>();
  for (const [name, service] of chosen) addService(variables, screaming(name), service);
  return variables;
}

function hasAddress({ spec }: Service): boolean {
  return spec?.clusterIP !== undefined && spec.clusterIP !== '' && spec.clusterIP !== 'None';
}

function addService(out: Map<string, string>, name: string, service: Service): void {
  const ip = service.spec?.clusterIP ?? '';
  const ports = service.spec?.ports ?? [];
  const host = ip.includes(':') ? `[${ip}]` : ip;
  out.set(`${name}_SERVICE_HOST`, ip);
  const [first] = ports;
  if (first === undefined) return;
  out.set(`${name}_SERVICE_PORT`, String(first.port));
  for (const port of ports) {
    if (port.name) out.set(`${name}_SERVICE_PORT_${screaming(port.name)}`, String(port.port));
  }
  const urlOf = (port: number, protocol: string): string =>
    `${protocol.toLowerCase()}://${host}:${port}`;
  out.set(`${name}_PORT`, urlOf(first.port, first.protocol ?? 'TCP'));
  for (const { port, protocol = 'TCP' } of ports) {
    const prefix = `${name}_PORT_${port}_${protocol.toUpperCase()}`;
    out.set(prefix, urlOf(port, protocol));
    out.set(`${prefix}_PROTO`, protocol.toLowerCase());
    out.set(`${prefix}_PORT`, String(port));
    out.set(`${prefix}_ADDR`, ip);
  }
}

function screaming(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}
