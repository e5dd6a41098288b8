import type { Container, PodSpec, Probe } from '@nodeagent/kube-client';

import { field } from '../../model/field-error.js';
import { type Errors, needed, neededOneOf, notNegative, oneOf, present } from './checks.js';
import { headerNameErrors, portErrors } from './formats.js';

type Lifecycle = NonNullable<Container['lifecycle']>;
type Hook = NonNullable<Lifecycle['preStop']>;
type HttpGet = NonNullable<Probe['httpGet']>;
type Handler = Hook & Pick<Probe, 'grpc'>;

const KINDS = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const;
const SCHEMES = ['HTTP', 'HTTPS'];
const SIGNALS_OF_WINDOWS = ['SIGKILL', 'SIGTERM'];
const SIGNALS: readonly string[] = [
  ...['ABRT', 'ALRM', 'BUS', 'CHLD', 'CLD', 'CONT', 'FPE', 'HUP', 'ILL', 'INT', 'IO', 'IOT'],
  ...['KILL', 'PIPE', 'POLL', 'PROF', 'PWR', 'QUIT', 'RTMAX', 'RTMIN', 'SEGV', 'STKFLT', 'STOP'],
  ...['SYS', 'TERM', 'TRAP', 'TSTP', 'TTIN', 'TTOU', 'URG', 'USR1', 'USR2', 'VTALRM', 'WINCH'],
  ...['XCPU', 'XFSZ'],
  ...Array.from({ length: 15 }, (_, i) => `RTMIN+${i + 1}`),
  ...Array.from({ length: 14 }, (_, i) => `RTMAX-${i + 1}`),
].map((name) => `SIG${name}`);

/** Checks probes and hooks of containers that live as long as the pod. */
export function lifeErrors(container: Container, path: string, spec: PodSpec): Errors {
  const { lifecycle } = container;
  return [
    ...(lifecycle === undefined ? [] : lifecycleErrors(lifecycle, `${path}.lifecycle`, spec)),
    ...(['livenessProbe', 'readinessProbe', 'startupProbe'] as const).flatMap((kind) => {
      const probe = container[kind];
      return probe === undefined ? [] : probeErrors(probe, `${path}.${kind}`, kind);
    }),
  ];
}

/** Init containers that end cannot have probes and hooks. */
export function noLifeErrors(container: Container, path: string): Errors {
  const detail = 'may not be set for init containers without restartPolicy=Always';
  return present(container, ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe']).map(
    (name) => field.forbidden(`${path}.${name}`, detail),
  );
}

function lifecycleErrors(lifecycle: Lifecycle, path: string, spec: PodSpec): Errors {
  const { stopSignal } = lifecycle;
  const os = spec.os?.name;
  return [
    ...(['postStart', 'preStop'] as const).flatMap((kind) => {
      const hook = lifecycle[kind];
      return hook === undefined ? [] : handlerErrors(hook, `${path}.${kind}`, spec);
    }),
    ...(stopSignal === undefined ? [] : signalErrors(`${path}.stopSignal`, stopSignal, os)),
  ];
}

function signalErrors(path: string, signal: string, os: string | undefined): Errors {
  if (os === undefined) {
    return [field.forbidden(path, 'may not be set for containers with empty `spec.os.name`')];
  }
  return oneOf(path, signal, os === 'windows' ? SIGNALS_OF_WINDOWS : SIGNALS.toSorted());
}

function probeErrors(probe: Probe, path: string, kind: string): Errors {
  const { successThreshold, terminationGracePeriodSeconds: grace } = probe;
  const graceAt = `${path}.terminationGracePeriodSeconds`;
  const isReadiness = kind === 'readinessProbe';
  return [
    ...handlerErrors(probe, path),
    ...(['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds'] as const).flatMap((name) =>
      notNegative(`${path}.${name}`, probe[name]),
    ),
    ...(['successThreshold', 'failureThreshold'] as const).flatMap((name) =>
      notNegative(`${path}.${name}`, probe[name]),
    ),
    ...(grace === undefined || grace > 0
      ? []
      : [field.invalid(graceAt, grace, 'must be greater than 0')]),
    ...(isReadiness || (successThreshold ?? 1) === 1
      ? []
      : [field.invalid(`${path}.successThreshold`, successThreshold, 'must be 1')]),
    ...(isReadiness && grace !== undefined
      ? [field.invalid(graceAt, grace, 'must not be set for readinessProbes')]
      : []),
  ];
}

/** Checks the first of several handlers and refuses each further one. */
function handlerErrors(handler: Handler, path: string, spec?: PodSpec): Errors {
  const [first, ...others] = present(handler, KINDS);
  if (first === undefined) return [field.required(path, 'must specify a handler type')];
  const refused = others.map((kind) =>
    field.forbidden(`${path}.${kind}`, 'may not specify more than 1 handler type'),
  );
  return [...actionErrors(handler, `${path}.${first}`, spec), ...refused];
}

function actionErrors(handler: Handler, path: string, spec: PodSpec | undefined): Errors {
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler;
  if (exec !== undefined) {
    return (exec.command ?? []).length === 0 ? [field.required(`${path}.command`)] : [];
  }
  if (httpGet !== undefined) return httpErrors(httpGet, path);
  if (tcpSocket !== undefined) return portErrors(`${path}.port`, tcpSocket.port);
  if (grpc !== undefined) return portErrors(`${path}.port`, grpc.port);
  const grace = spec?.terminationGracePeriodSeconds;
  const seconds = sleep?.seconds ?? 0;
  if (grace === undefined || (seconds >= 0 && seconds <= grace)) return [];
  const detail = `must be non-negative and less than terminationGracePeriodSeconds (${grace})`;
  return [field.invalid(path, seconds, detail)];
}

function httpErrors(
  { path: asked, port, scheme, httpHeaders = [] }: HttpGet,
  path: string,
): Errors {
  return [
    ...needed(`${path}.path`, asked),
    ...portErrors(`${path}.port`, port),
    ...neededOneOf(`${path}.scheme`, scheme, SCHEMES),
    ...httpHeaders.flatMap(({ name }) => headerNameErrors(`${path}.httpHeaders`, name)),
  ];
}
