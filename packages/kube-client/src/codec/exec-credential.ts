import { KubeError } from '../model/errors.js';
import type { Credential } from '../ports.js';
import { isObject } from './decode-json.js';

export interface ExecAnswer {
  readonly credential: Credential;
  /** RFC 3339; when absent, the credential is valid until it is refused. */
  readonly expires?: string;
}

/**
 * Parses the output of an exec plug-in.
 *
 * @param what for messages: the plug-in and where it is configured
 * @throws {KubeError} `KUBE_CONFIG`
 * @see Kubernetes 1.36 client-go/pkg/apis/clientauthentication/v1/types.go
 */
export function parseExecCredential(text: string, apiVersion: string, what: string): ExecAnswer {
  const bad = (why: string): KubeError => new KubeError('KUBE_CONFIG', `${what}: ${why}`);
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw bad('its output is not JSON');
  }
  if (!isObject(answer) || answer['kind'] !== 'ExecCredential') {
    throw bad('its output is not an ExecCredential');
  }
  if (answer['apiVersion'] !== apiVersion) {
    throw bad(
      `its output has apiVersion ${shown(answer['apiVersion'])}, but ${apiVersion} was requested`,
    );
  }
  const status = answer['status'];
  if (!isObject(status)) throw bad('its output has no status');
  const token = textOf(status['token']);
  const certificatePem = textOf(status['clientCertificateData']);
  const keyPem = textOf(status['clientKeyData']);
  const expires = textOf(status['expirationTimestamp']);
  if ((certificatePem === undefined) !== (keyPem === undefined)) {
    throw bad('its output has only one of clientCertificateData and clientKeyData');
  }
  if (token === undefined && certificatePem === undefined) {
    throw bad('its output has neither token nor clientCertificateData');
  }
  const credential: Credential = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(certificatePem === undefined ? {} : { certificatePem }),
    ...(keyPem === undefined ? {} : { keyPem }),
  };
  return expires === undefined ? { credential } : { credential, expires };
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : `of type ${typeof value}`;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
