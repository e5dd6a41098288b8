import type { Verbosity } from '../model/verbosity.js';

/** Path at which a PUT of a number changes the verbosity of logs, as in Kubernetes' components. */
export const VERBOSITY_PATH = '/debug/flags/v';
/** Longest body that is read: more than any level has. */
export const VERBOSITY_BODY_BYTES = 64;

export interface VerbosityRequest {
  readonly method: string;
  /** Reads the request's body; undefined if it is longer than the limit. */
  readonly readBody: (mostBytes: number) => Promise<string | undefined>;
}

export interface VerbosityPage {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const TEXT = 'text/plain';

/**
 * Answers a request for {@link VERBOSITY_PATH}: `curl -X PUT -d 4 …/debug/flags/v` changes the
 * verbosity of logs while the program runs.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/server/routes/flags.go, StringFlagPutHandler
 */
export async function verbosityPage(
  { method, readBody }: VerbosityRequest,
  verbosity: Verbosity,
): Promise<VerbosityPage> {
  const page = (status: number, body: string) => ({ status, contentType: TEXT, body });
  if (method !== 'PUT') return page(406, 'unsupported http method');
  const body = await readBody(VERBOSITY_BODY_BYTES);
  if (body === undefined) return page(413, `more than ${VERBOSITY_BODY_BYTES} bytes`);
  try {
    verbosity.set(body);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return page(400, error.message);
  }
  return page(200, `successfully set klog.logging.verbosity to ${body}`);
}
