import type { EnvVar as CriEnvVar } from '@nodeagent/cri-client';
import type { ConfigMap, Container, EnvVar, Pod, Secret, Service } from '@nodeagent/kube-client';

import { expandReferences, LONGEST_EXPANSION, podNamespace, StartError } from '../../pod/index.js';
import { type EnvFile, findInEnvFile } from './env-file.js';
import { type FieldContext, ownValue, podField, resourceField } from './pod-fields.js';
import { serviceVariables } from './service-variables.js';

/** Names of the objects that one container's environment uses. */
export interface EnvironmentSources {
  readonly configMaps: readonly string[];
  readonly secrets: readonly string[];
  readonly files: readonly EnvFileName[];
}

/** A file of variables in one of the pod's volumes. */
export interface EnvFileName {
  readonly volume: string;
  readonly path: string;
}

export function environmentSources(container: Container): EnvironmentSources {
  const { env = [], envFrom = [] } = container;
  const configMaps = [
    ...envFrom.map((from) => from.configMapRef?.name),
    ...env.map((entry) => entry.valueFrom?.configMapKeyRef?.name),
  ];
  const secrets = [
    ...envFrom.map((from) => from.secretRef?.name),
    ...env.map((entry) => entry.valueFrom?.secretKeyRef?.name),
  ];
  const files = env.flatMap(({ valueFrom }) => {
    const ref = valueFrom?.fileKeyRef;
    return ref === undefined ? [] : [{ volume: ref.volumeName, path: ref.path }];
  });
  // each file is read only once
  const distinctFiles = [...new Map(files.map((file) => [envFileKey(file), file])).values()];
  return { configMaps: distinct(configMaps), secrets: distinct(secrets), files: distinctFiles };
}

function distinct(names: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(names.filter((name) => name !== undefined))];
}

export interface EnvironmentInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly fields: FieldContext;
  /** The existing objects, by name. */
  readonly configMaps: ReadonlyMap<string, ConfigMap>;
  readonly secrets: ReadonlyMap<string, Secret>;
  /** The parsed files, or the errors of reading them, by {@link envFileKey}. */
  readonly files?: ReadonlyMap<string, EnvFile | Error>;
  /** Undefined before the first list of services. */
  readonly services: readonly Service[] | undefined;
}

export function envFileKey({ volume, path }: EnvFileName): string {
  return `${volume}/${path}`;
}

type Value = string | Uint8Array;
type Lookup = (name: string) => string | undefined;

/**
 * The environment of one container: `envFrom`, then `env`, then the services' variables that
 * neither of them sets. Later entries win; references see only earlier entries.
 *
 * @throws {StartError} `CreateContainerConfigError` for a source that is required and missing
 * @see Kubernetes 1.36 pkg/kubelet/kubelet_pods.go, makeEnvironmentVariables
 */
export function buildEnvironment(input: EnvironmentInput): readonly CriEnvVar[] {
  const { pod, container, services } = input;
  const isStatic = pod.metadata?.annotations?.['kubernetes.io/config.source'] !== undefined;
  if (services === undefined && !isStatic) {
    throw refuse('services have not yet been read at least once, cannot construct envvars');
  }
  const links = pod.spec?.enableServiceLinks ?? true;
  const ofServices = serviceVariables(services ?? [], podNamespace(pod), links);
  const values = new Map<string, Value>();
  addWholeObjects(values, input);
  const lookup: Lookup = (name) => textOf(values.get(name)) ?? ofServices.get(name);
  let left = LONGEST_EXPANSION;
  for (const entry of container.env ?? []) {
    const value = entry.value
      ? expandReferences(entry.value, lookup, left)
      : sourceOf(entry, input);
    if (entry.value) left = Math.max(0, left - (value?.length ?? 0));
    if (value !== undefined) values.set(entry.name, value);
  }
  const extra = [...ofServices].filter(([name]) => !values.has(name));
  return [...values, ...extra].map(([name, value]) => ({ name, value }));
}

/** Values by name, for `$(NAME)` in commands and paths. */
export function environmentLookup(env: readonly CriEnvVar[]): Lookup {
  const values = new Map(env.map(({ name, value }) => [name, value ?? '']));
  return (name) => textOf(values.get(name));
}

function addWholeObjects(values: Map<string, Value>, input: EnvironmentInput): void {
  for (const { prefix = '', configMapRef, secretRef } of input.container.envFrom ?? []) {
    if (configMapRef !== undefined) {
      const found = input.configMaps.get(configMapRef.name ?? '');
      if (found === undefined && configMapRef.optional !== true)
        throw refuse(`configmap ${JSON.stringify(configMapRef.name ?? '')} not found`);
      for (const [key, value] of Object.entries(found?.data ?? {})) {
        values.set(prefix + key, checkedText(key, value));
      }
    }
    if (secretRef !== undefined) {
      const found = input.secrets.get(secretRef.name ?? '');
      if (found === undefined && secretRef.optional !== true)
        throw refuse(`secret ${JSON.stringify(secretRef.name ?? '')} not found`);
      for (const [key, value] of Object.entries(found?.data ?? {}))
        values.set(prefix + key, secretValue(checkedText(key, value)));
    }
  }
}

function sourceOf(entry: EnvVar, input: EnvironmentInput): Value | undefined {
  const from = entry.valueFrom;
  if (from === undefined) return '';
  const { pod, container, fields } = input;
  if (from.fieldRef !== undefined) {
    const value = podField(pod, from.fieldRef.fieldPath, fields);
    if (value === undefined) throw refuse(`unsupported fieldPath: ${from.fieldRef.fieldPath}`);
    return value;
  }
  if (from.resourceFieldRef !== undefined) {
    const value = resourceField(from.resourceFieldRef, { pod, container, node: fields.node });
    if (value === undefined)
      throw refuse(`unsupported container resource: ${from.resourceFieldRef.resource}`);
    return value;
  }
  if (from.configMapKeyRef !== undefined) return configMapKey(from.configMapKeyRef, input);
  if (from.secretKeyRef !== undefined) return secretKey(from.secretKeyRef, input);
  if (from.fileKeyRef !== undefined) return fileKey(from.fileKeyRef, input);
  throw refuse(`environment variable ${entry.name}: its valueFrom is not supported`);
}

function fileKey(
  { volumeName, path, key, optional }: NonNullable<NonNullable<EnvVar['valueFrom']>['fileKeyRef']>,
  { files }: EnvironmentInput,
): string | undefined {
  const file = files?.get(envFileKey({ volume: volumeName, path }));
  if (file === undefined || file instanceof Error) {
    throw refuse(`couldn't parse env file: ${file?.message ?? `${path} has not been read`}`);
  }
  const answer = findInEnvFile(file, key);
  if (answer.kind === 'problem') throw refuse(`couldn't parse env file: ${answer.problem}`);
  if (answer.kind === 'value' && answer.value !== '') return answer.value;
  if (optional === true) return undefined;
  const [quotedKey, quotedPath] = [key, path].map((part) => JSON.stringify(part));
  throw refuse(`environment variable key ${quotedKey} not found in file ${quotedPath}`);
}

interface KeyRef {
  readonly name?: string;
  readonly key: string;
  readonly optional?: boolean;
}

function configMapKey(ref: KeyRef, input: EnvironmentInput): string | undefined {
  const name = ref.name ?? '';
  const found = input.configMaps.get(name);
  const value = ownValue(found?.data, ref.key);
  if (value !== undefined) return checkedText(ref.key, value);
  if (ref.optional === true) return undefined;
  if (found === undefined) throw refuse(`configmap ${JSON.stringify(name)} not found`);
  throw refuse(`couldn't find key ${ref.key} in ConfigMap ${podNamespace(input.pod)}/${name}`);
}

function secretKey(ref: KeyRef, input: EnvironmentInput): Value | undefined {
  const name = ref.name ?? '';
  const found = input.secrets.get(name);
  const value = ownValue(found?.data, ref.key);
  if (value !== undefined) return secretValue(checkedText(ref.key, value));
  if (ref.optional === true) return undefined;
  if (found === undefined) throw refuse(`secret ${JSON.stringify(name)} not found`);
  throw refuse(`couldn't find key ${ref.key} in Secret ${podNamespace(input.pod)}/${name}`);
}

/** @throws {StartError} for a value that is not a string: no earlier step has checked it */
function checkedText(key: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw refuse(`the value of key ${key} is not a string`);
}

/** Decodes valid UTF-8 as text; a secret may contain any bytes. */
function secretValue(base64: string): Value {
  const bytes = Buffer.from(base64, 'base64');
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : bytes;
}

function textOf(value: Value | undefined): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  return Buffer.from(value).toString('utf8');
}

function refuse(message: string): StartError {
  return new StartError('CreateContainerConfigError', message);
}
