import { Refusal, type SessionStreams } from '../model/exchange.js';

/**
 * Parses `input`, `output`, `error` and `tty`; only `1` means true. A terminal has a single output,
 * so `tty` disables `error`.
 *
 * @param tty overrides the query's `tty`; undefined: the query decides
 * @throws {Refusal} 400 if no stream is requested
 * @see Kubernetes 1.36 staging/src/k8s.io/kubelet/pkg/cri/streaming/remotecommand/httpstream.go
 */
export function parseWantedStreams(query: URLSearchParams, tty?: boolean): SessionStreams {
  const yes = (name: string): boolean => query.get(name) === '1';
  const isTty = tty ?? yes('tty');
  const wanted = {
    stdin: yes('input'),
    stdout: yes('output'),
    stderr: yes('error') && !isTty,
    tty: isTty,
  };
  if (wanted.stdin || wanted.stdout || wanted.stderr) return wanted;
  throw new Refusal(400, 'you must specify at least 1 of stdin, stdout, stderr');
}

/**
 * Ports in the query of older WebSocket clients: repeated parameters or comma-separated lists.
 *
 * @throws {Refusal} 400 for an invalid port
 */
export function parsePorts(query: URLSearchParams): readonly number[] {
  return query
    .getAll('port')
    .flatMap((text) => text.split(','))
    .map((text) => {
      const port = /^\d{1,5}$/.test(text.trim()) ? Number(text) : 0;
      if (port < 1 || port > 65_535) {
        throw new Refusal(400, `invalid port ${JSON.stringify(text.slice(0, 20))}`);
      }
      return port;
    });
}
