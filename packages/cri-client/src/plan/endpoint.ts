import { CriError } from '../model/errors.js';

/** The address of a runtime, checked. */
export interface Endpoint {
  /** Absolute path of the unix socket. */
  readonly socketPath: string;
  /** The address has a form that only old configurations use. */
  readonly warning?: string;
}

/**
 * Parses a runtime's address: `unix:///run/containerd/containerd.sock`, or the bare path of old
 * service files. Only unix sockets are accepted, because every client of a runtime is root on its
 * node.
 *
 * @throws {CriError} `CRI_BAD_ENDPOINT`
 * @see Kubernetes 1.36 pkg/kubelet/util/util_unix.go, GetAddressAndDialer
 * @example
 * ```ts
 * import { parseEndpoint } from '@nodeagent/cri-client';
 *
 * console.log(parseEndpoint('unix:///run/crio/crio.sock').socketPath); // /run/crio/crio.sock
 * ```
 */
export function parseEndpoint(endpoint: string): Endpoint {
  const bad = (why: string): CriError =>
    new CriError('CRI_BAD_ENDPOINT', `${why}; write unix:///path/to.sock`, {
      method: `runtime endpoint "${endpoint}"`,
    });
  if (endpoint === '') throw bad('is empty');
  if (endpoint.startsWith('/')) {
    const warning = `runtime endpoint "${endpoint}" has no scheme; write unix://${endpoint}`;
    return { socketPath: endpoint, warning };
  }
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(endpoint)?.[1]?.toLowerCase();
  if (scheme === undefined) throw bad('is neither a URL nor an absolute path');
  if (scheme !== 'unix') throw bad(`scheme "${scheme}" is not supported`);
  const rest = endpoint.slice('unix:'.length);
  const socketPath = rest.startsWith('//') ? rest.slice(2) : rest;
  if (!socketPath.startsWith('/')) throw bad('its path is not absolute');
  if (socketPath.length === 1) throw bad('names no socket');
  return { socketPath };
}

/** The sockets of containerd, CRI-O and cri-dockerd, in the order in which they are tried. */
export const USUAL_ENDPOINTS: readonly string[] = [
  'unix:///run/containerd/containerd.sock',
  'unix:///run/crio/crio.sock',
  'unix:///var/run/cri-dockerd.sock',
];

/**
 * Reads the runtime's address from the text of crictl's configuration file.
 *
 * @returns undefined when the file does not name one
 */
export function endpointOfCrictl(text: string): string | undefined {
  const line = /^runtime-endpoint:[ \t]*(?:"([^"\n]*)"|'([^'\n]*)'|([^\s#'"]*))/m.exec(text);
  return line?.[1] || line?.[2] || line?.[3] || undefined;
}
