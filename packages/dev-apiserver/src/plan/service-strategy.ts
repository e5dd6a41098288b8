import { asWritten, type Service, type ServicePort } from '@nodeagent/kube-client';

import { field, type FieldError } from '../model/errors.js';

type Spec = NonNullable<Service['spec']>;

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

/** @see Kubernetes 1.36 pkg/apis/core/v1/defaults.go, SetDefaults_Service */
export function defaultServiceSpec(spec: Spec): void {
  spec.type ||= 'ClusterIP';
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'ClientIP') {
    spec.sessionAffinityConfig ??= {};
    spec.sessionAffinityConfig.clientIP ??= {};
    spec.sessionAffinityConfig.clientIP.timeoutSeconds ??= 10_800;
  } else delete spec.sessionAffinityConfig;
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    port.targetPort ??= port.port;
  }
  if (spec.type === 'NodePort' || spec.type === 'LoadBalancer') {
    spec.externalTrafficPolicy ||= 'Cluster';
  } else if ((spec.externalIPs ?? []).length === 0) delete spec.externalTrafficPolicy;
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ||= 'Cluster';
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
}

export function validateServiceSpec(spec: Spec | undefined): readonly FieldError[] {
  if (spec === undefined) return [field.required('spec.ports')];
  const errors: FieldError[] = [];
  const ports = spec.ports ?? [];
  if (ports.length === 0 && spec.clusterIP !== 'None' && spec.type !== 'ExternalName') {
    errors.push(field.required('spec.ports'));
  }
  if (spec.type !== undefined && !TYPES.includes(spec.type)) {
    errors.push(field.notSupported('spec.type', spec.type, TYPES));
  }
  if (spec.type === 'ExternalName' && (spec.externalName ?? '') === '') {
    errors.push(field.required('spec.externalName'));
  }
  const seen = { names: new Set<string>(), ports: new Set<string>() };
  ports.forEach((port, i) => {
    errors.push(...portErrors(port, `spec.ports[${i}]`, { ...seen, single: ports.length === 1 }));
  });
  return errors;
}

interface Seen {
  readonly names: Set<string>;
  readonly ports: Set<string>;
  readonly single: boolean;
}

function portErrors(port: ServicePort, path: string, seen: Seen): readonly FieldError[] {
  const errors: FieldError[] = [];
  const name = port.name ?? '';
  if (name === '' && !seen.single) errors.push(field.required(`${path}.name`));
  if (name !== '' && seen.names.has(name)) errors.push(field.duplicate(`${path}.name`, name));
  seen.names.add(name);
  const number = asWritten(port).port ?? 0;
  if (!(number >= 1 && number <= 65535)) {
    const detail = 'must be between 1 and 65535, inclusive';
    errors.push(field.invalid(`${path}.port`, number, detail));
  }
  if (port.protocol !== undefined && !PROTOCOLS.includes(port.protocol)) {
    errors.push(field.notSupported(`${path}.protocol`, port.protocol, PROTOCOLS));
  }
  const key = `${port.protocol}/${number}`;
  if (seen.ports.has(key)) {
    errors.push(field.duplicate(path, { port: number, protocol: port.protocol }));
  }
  seen.ports.add(key);
  return errors;
}
