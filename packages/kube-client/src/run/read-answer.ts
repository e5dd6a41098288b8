import { joinText } from '../codec/body.js';
import { errorFromAnswer } from '../codec/status-error.js';
import { KubeError } from '../model/errors.js';
import type { TransportRequest, TransportResponse } from '../ports.js';

/** Enough bytes of a refusal's body for any Status object. */
const MAX_REFUSAL_BYTES = 1 << 20;
/** More than any page of objects takes, and half of what one text can hold. */
const MAX_ANSWER_BYTES = 256 * 2 ** 20;

/** The parts of a request that messages name. */
type Asked = Pick<TransportRequest, 'method' | 'path'>;

/** Names a request in messages: without the query, which may be long. */
export function asked({ method, path }: Asked): string {
  return `${method} ${path.split('?', 1)[0]}`;
}

/** @throws {KubeError} `KUBE_PROTOCOL` when the answer is longer than 256 MiB */
export async function readText(call: Asked, { body }: TransportResponse): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw tooLong(call, 'an answer', MAX_ANSWER_BYTES);
  }
  return joinText(chunks);
}

export function tooLong(call: Asked, what: string, bytes: number): KubeError {
  const message = `${asked(call)}: ${what} of more than ${bytes / 2 ** 20} MiB`;
  return new KubeError('KUBE_PROTOCOL', message);
}

export async function refusal(call: Asked, response: TransportResponse): Promise<KubeError> {
  const { httpStatus, retryAfter, body } = response;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_REFUSAL_BYTES) break;
  }
  return errorFromAnswer({ asked: asked(call), httpStatus, text: joinText(chunks), retryAfter });
}
