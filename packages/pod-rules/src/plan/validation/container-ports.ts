import { asWritten, type Container } from '@nodeagent/kube-client';

import { field } from '../../model/field-error.js';
import { type Errors, neededOneOf } from './checks.js';
import { portNameErrors, portNumberErrors } from './formats.js';

type Port = NonNullable<Container['ports']>[number];

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

export function containerPortErrors(ports: readonly Port[], path: string): Errors {
  const names = new Set<string>();
  return ports.flatMap((port, i) => {
    const { name = '', containerPort = 0, hostPort = 0, protocol } = asWritten(port);
    const where = `${path}[${i}]`;
    const bad = name === '' ? [] : portNameErrors(`${where}.name`, name);
    const isTwice = name !== '' && bad.length === 0 && names.has(name);
    names.add(name);
    return [
      ...bad,
      ...(isTwice ? [field.duplicate(`${where}.name`, name)] : []),
      ...(containerPort === 0
        ? [field.required(`${where}.containerPort`)]
        : portNumberErrors(`${where}.containerPort`, containerPort)),
      ...(hostPort === 0 ? [] : portNumberErrors(`${where}.hostPort`, hostPort)),
      ...neededOneOf(`${where}.protocol`, protocol, PROTOCOLS),
    ];
  });
}

/** Containers that run at the same time must not use the same host port. */
export function hostPortErrors(containers: readonly Container[], path: string): Errors {
  const taken = new Set<string>();
  return containers.flatMap(({ ports = [] }, i) =>
    ports.flatMap(({ hostPort = 0, hostIP = '', protocol = '' }, j) => {
      if (hostPort === 0) return [];
      const port = `${protocol}/${hostIP}/${hostPort}`;
      if (taken.has(port)) return [field.duplicate(`${path}[${i}].ports[${j}].hostPort`, port)];
      taken.add(port);
      return [];
    }),
  );
}

/**
 * In the host's network a container port is also the host port.
 *
 * @param isPod false for a pod template, which may omit fields that are filled in for its pods
 */
export function sharedNetworkErrors(
  containers: readonly Container[],
  path: string,
  isPod: boolean,
): Errors {
  return containers.flatMap(({ ports = [] }, i) =>
    ports.flatMap(({ containerPort, hostPort = 0 }, j) => {
      if (hostPort === containerPort || (!isPod && hostPort === 0)) return [];
      const detail = 'must match `containerPort` when `hostNetwork` is true';
      return [field.invalid(`${path}[${i}].ports[${j}].hostPort`, hostPort, detail)];
    }),
  );
}
