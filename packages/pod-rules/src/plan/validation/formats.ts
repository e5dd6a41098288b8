import { field } from '../../model/field-error.js';
import { type Errors, inRange, invalidFor } from './checks.js';

const HEADER_NAME = /^[-A-Za-z0-9]+$/;
const CONFIG_KEY = /^[-._a-zA-Z0-9]+$/;
/** Printable ASCII except the equals sign. */
const VARIABLE_NAME = /^[ -<>-~]+$/;
const LOOSE_SUBDOMAIN = /^_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*$/;
const NAME_LIMIT = 253;
const IDS = [0, 2 ** 31 - 1] as const;
const PORTS = [1, 65_535] as const;
const MODES = [0, 0o777] as const;

/**
 * Checks the format of values; each check returns a list of errors.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/util/validation/validation.go
 */
export function portNumberErrors(path: string, port: number | undefined): Errors {
  return inRange(path, port ?? 0, PORTS);
}

/** A number, or the name of a port. */
export function portErrors(path: string, port: number | string | undefined): Errors {
  return typeof port === 'string' ? portNameErrors(path, port) : portNumberErrors(path, port);
}

export function portNameErrors(path: string, name: string): Errors {
  const problems: string[] = [];
  if (name.length > 15) problems.push('must be no more than 15 characters');
  if (!/^[-a-z0-9]+$/.test(name)) {
    problems.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  }
  if (!/[a-z]/.test(name)) problems.push('must contain at least one letter (a-z)');
  if (name.includes('--')) problems.push('must not contain consecutive hyphens');
  if (/^-|-$/.test(name)) problems.push('must not begin or end with a hyphen');
  return invalidFor(path, name, problems);
}

export function variableNameErrors(path: string, name: string): Errors {
  if (VARIABLE_NAME.test(name)) return [];
  const detail =
    "a valid environment variable name must consist only of printable ASCII characters other than '='";
  return [field.invalid(path, name, detail)];
}

export function configKeyErrors(path: string, key: string): Errors {
  const problems: string[] = [];
  if (key.length > NAME_LIMIT) problems.push(`must be no more than ${NAME_LIMIT} characters`);
  if (!CONFIG_KEY.test(key)) {
    problems.push(
      "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name')",
    );
  }
  if (key === '.') problems.push("must not be '.'");
  else if (key === '..') problems.push("must not be '..'");
  else if (key.startsWith('..')) problems.push("must not start with '..'");
  return invalidFor(path, key, problems);
}

export function headerNameErrors(path: string, name: string): Errors {
  if (HEADER_NAME.test(name)) return [];
  const detail =
    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name')";
  return [field.invalid(path, name, detail)];
}

/** A search domain, in which underscores are allowed. */
export function searchDomainErrors(path: string, domain: string): Errors {
  const problems: string[] = [];
  if (domain.length > NAME_LIMIT) problems.push(`must be no more than ${NAME_LIMIT} characters`);
  if (!LOOSE_SUBDOMAIN.test(domain)) {
    problems.push(
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com')",
    );
  }
  return invalidFor(path, domain, problems);
}

/** Checks the id of a user or a group. */
export function idErrors(path: string, id: number | undefined): Errors {
  return inRange(path, id, IDS);
}

export function modeErrors(path: string, mode: number | undefined): Errors {
  const [low, high] = MODES;
  if (mode === undefined || (mode >= low && mode <= high)) return [];
  const detail = 'must be a number between 0 and 0777 (octal), both inclusive';
  return [field.invalid(path, mode, detail)];
}

export function noBackstepErrors(path: string, value: string): Errors {
  const climbs = value.split('/').includes('..');
  return climbs ? [field.invalid(path, value, "must not contain '..'")] : [];
}

/** A relative path without steps upwards. */
export function relativePathErrors(path: string, value: string): Errors {
  const isAbsolute = value.startsWith('/');
  const problem = isAbsolute ? [field.invalid(path, value, 'must be a relative path')] : [];
  return [...problem, ...noBackstepErrors(path, value)];
}

/** A path of a file in a volume; it must not begin with `..`, as the kubelet's own names do. */
export function volumeFileErrors(path: string, value: string): Errors {
  const isReserved = /^\.\.(?!\/)./.test(value);
  return [
    ...relativePathErrors(path, value),
    ...(isReserved ? [field.invalid(path, value, "must not start with '..'")] : []),
  ];
}
