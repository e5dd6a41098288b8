import { stat } from 'node:fs/promises';

import { readForeignText } from '@nodeagent/base/files';

import { CriError } from '../model/errors.js';
import { endpointOfCrictl, USUAL_ENDPOINTS } from '../plan/endpoint.js';

/** The places where {@link findEndpoint} looks, in the order that crictl uses. */
export interface FindEndpointOptions {
  /** The process's environment when absent. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** crictl's file, which need not exist; `CRI_CONFIG_FILE` or /etc/crictl.yaml when absent. */
  readonly configFile?: string;
  /** Addresses that are tried last; those of containerd, CRI-O and cri-dockerd when absent. */
  readonly usual?: readonly string[];
}

/**
 * Finds the container runtime of this machine as crictl does: the variable
 * `CONTAINER_RUNTIME_ENDPOINT`, then `runtime-endpoint` of /etc/crictl.yaml, then the first of the
 * usual sockets that exists.
 *
 * @throws {CriError} `CRI_BAD_ENDPOINT` when there is none, or the file cannot be read
 */
export async function findEndpoint(options: FindEndpointOptions = {}): Promise<string> {
  const { env = process.env, usual = USUAL_ENDPOINTS } = options;
  const { configFile = env['CRI_CONFIG_FILE'] || '/etc/crictl.yaml' } = options;
  const named = env['CONTAINER_RUNTIME_ENDPOINT'] || endpointOfCrictl(await textOf(configFile));
  if (named) return named;
  for (const endpoint of usual) {
    if (await isSocket(endpoint.replace(/^unix:\/\//, ''))) return endpoint;
  }
  const method = 'search for a runtime';
  throw new CriError('CRI_BAD_ENDPOINT', `none of ${usual.join(', ')} exists`, { method });
}

const CONFIG = { links: 'followed', limitBytes: 1 << 20 } as const;

async function textOf(file: string): Promise<string> {
  try {
    return (await readForeignText(file, CONFIG)) ?? '';
  } catch (cause) {
    const { message } = cause as Error;
    throw new CriError('CRI_BAD_ENDPOINT', message, { method: `read ${file}`, cause });
  }
}

async function isSocket(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isSocket();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw new CriError('CRI_BAD_ENDPOINT', (error as Error).message, {
      method: path,
      cause: error,
    });
  }
}
