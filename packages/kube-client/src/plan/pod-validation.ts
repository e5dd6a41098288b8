import type { Container, PodSpec, Probe, Volume } from '../model/objects.js';

import { field, type FieldError } from '../model/field-error.js';
import { dnsLabelErrors } from './dns-names.js';

type ContainerPort = NonNullable<Container['ports']>[number];

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
const RESTART_POLICIES = ['Always', 'Never', 'OnFailure'];
const DNS_POLICIES = ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const PORT_DETAIL = 'must be between 1 and 65535, inclusive';

/** The mistakes that people make; not every rule of Kubernetes' pkg/apis/core/validation. */
export function validatePodSpec(spec: PodSpec | undefined, path: string): readonly FieldError[] {
  if (spec === undefined) return [field.required(`${path}.containers`)];
  const errors: FieldError[] = [];
  const containers = spec.containers ?? [];
  if (containers.length === 0) errors.push(field.required(`${path}.containers`));
  const volumes = new Set<string>();
  (spec.volumes ?? []).forEach((volume, i) => {
    errors.push(...volumeErrors(volume, `${path}.volumes[${i}]`, volumes));
  });
  const names = new Set<string>();
  const seen = { names, volumes };
  containers.forEach((container, i) => {
    errors.push(...containerErrors(container, `${path}.containers[${i}]`, seen));
  });
  (spec.initContainers ?? []).forEach((container, i) => {
    errors.push(...containerErrors(container, `${path}.initContainers[${i}]`, seen));
  });
  errors.push(...oneOf(`${path}.restartPolicy`, spec.restartPolicy, RESTART_POLICIES));
  errors.push(...oneOf(`${path}.dnsPolicy`, spec.dnsPolicy, DNS_POLICIES));
  const grace = spec.terminationGracePeriodSeconds ?? 0;
  if (grace < 0) {
    const where = `${path}.terminationGracePeriodSeconds`;
    errors.push(field.invalid(where, grace, 'must be greater than or equal to 0'));
  }
  return errors;
}

function oneOf(
  path: string,
  value: string | undefined,
  supported: readonly string[],
): readonly FieldError[] {
  if (value === undefined || supported.includes(value)) return [];
  return [field.notSupported(path, value, supported)];
}

function volumeErrors(volume: Volume, path: string, names: Set<string>): readonly FieldError[] {
  const name = volume.name ?? '';
  if (name === '') return [field.required(`${path}.name`)];
  const errors = [...dnsLabelErrors(`${path}.name`, name)];
  if (names.has(name)) errors.push(field.duplicate(`${path}.name`, name));
  names.add(name);
  if (volume.hostPath !== undefined && (volume.hostPath.path ?? '') === '') {
    errors.push(field.required(`${path}.hostPath.path`));
  }
  if (volume.secret !== undefined && (volume.secret.secretName ?? '') === '') {
    errors.push(field.required(`${path}.secret.secretName`));
  }
  if (volume.configMap !== undefined && (volume.configMap.name ?? '') === '') {
    errors.push(field.required(`${path}.configMap.name`));
  }
  const sources = Object.keys(volume).length - 1;
  if (sources > 1) errors.push(field.forbidden(path, 'may not specify more than 1 volume type'));
  return errors;
}

interface Seen {
  readonly names: Set<string>;
  readonly volumes: ReadonlySet<string>;
}

function containerErrors(container: Container, path: string, seen: Seen): readonly FieldError[] {
  const errors: FieldError[] = [];
  const name = container.name ?? '';
  if (name === '') errors.push(field.required(`${path}.name`));
  else errors.push(...dnsLabelErrors(`${path}.name`, name));
  if (name !== '' && seen.names.has(name)) errors.push(field.duplicate(`${path}.name`, name));
  seen.names.add(name);
  const image = container.image ?? '';
  if (image === '') errors.push(field.required(`${path}.image`));
  else if (image !== image.trim()) {
    errors.push(
      field.invalid(`${path}.image`, image, 'must not have leading or trailing whitespace'),
    );
  }
  errors.push(...oneOf(`${path}.imagePullPolicy`, container.imagePullPolicy, PULL_POLICIES));
  errors.push(...portErrors(container.ports ?? [], `${path}.ports`));
  (container.env ?? []).forEach((variable, i) => {
    if ((variable.name ?? '') === '') errors.push(field.required(`${path}.env[${i}].name`));
  });
  (container.volumeMounts ?? []).forEach((mount, i) => {
    const where = `${path}.volumeMounts[${i}]`;
    if ((mount.name ?? '') === '') errors.push(field.required(`${where}.name`));
    else if (!seen.volumes.has(mount.name)) {
      errors.push({
        reason: 'FieldValueInvalid',
        field: `${where}.name`,
        message: `Not found: "${mount.name}"`,
      });
    }
    if ((mount.mountPath ?? '') === '') errors.push(field.required(`${where}.mountPath`));
  });
  for (const kind of ['livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    const probe = container[kind];
    if (probe !== undefined) errors.push(...probeErrors(probe, `${path}.${kind}`, kind));
  }
  return errors;
}

function portErrors(ports: readonly ContainerPort[], path: string): readonly FieldError[] {
  const names = new Set<string>();
  return ports.flatMap((port, i) => {
    const where = `${path}[${i}]`;
    const errors: FieldError[] = [];
    const number = port.containerPort ?? 0;
    if (number === 0) errors.push(field.required(`${where}.containerPort`));
    else if (number < 1 || number > 65535) {
      errors.push(field.invalid(`${where}.containerPort`, number, PORT_DETAIL));
    }
    if (port.name !== undefined) {
      if (names.has(port.name)) errors.push(field.duplicate(`${where}.name`, port.name));
      names.add(port.name);
    }
    errors.push(...oneOf(`${where}.protocol`, port.protocol, PROTOCOLS));
    return errors;
  });
}

function probeErrors(probe: Probe, path: string, kind: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const { exec, httpGet, tcpSocket, grpc } = probe;
  const handlers = [exec, httpGet, tcpSocket, grpc].filter((handler) => handler !== undefined);
  if (handlers.length === 0) errors.push(field.required(path, 'must specify a handler type'));
  if (handlers.length > 1) {
    errors.push(field.forbidden(path, 'may not specify more than 1 handler type'));
  }
  if (kind !== 'readinessProbe' && (probe.successThreshold ?? 1) !== 1) {
    errors.push(field.invalid(`${path}.successThreshold`, probe.successThreshold, 'must be 1'));
  }
  const counts = [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'failureThreshold',
  ] as const;
  for (const name of counts) {
    const value = probe[name] ?? 0;
    if (value < 0) {
      errors.push(field.invalid(`${path}.${name}`, value, 'must be greater than or equal to 0'));
    }
  }
  return errors;
}
