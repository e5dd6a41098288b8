import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

import { ManifestError, type ManifestUrl } from '../../pod/index.js';
import { MANIFEST_LIMIT_BYTES } from '../codec/manifest.js';

/** @see Kubernetes 1.36 pkg/kubelet/config/http.go */
const TIMEOUT_MS = 10_000;
const MAX_REDIRECTS = 10;

/** Requests the URL with the given headers; redirects are followed. */
export function createManifestUrl(
  url: string,
  headers: Readonly<Record<string, readonly string[]>>,
): ManifestUrl {
  return {
    url,
    fetch: async (signal) => {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
      let target = new URL(url);
      for (let redirects = 0; ; redirects += 1) {
        // Headers may be secret, so they are sent to the configured host only.
        const isOwn = target.host === new URL(url).host;
        const { httpStatus, location, body } = await get(target, isOwn ? headers : {}, limit);
        if (location === undefined) return { httpStatus, body };
        if (redirects === MAX_REDIRECTS) throw new Error('stopped after 10 redirects');
        target = new URL(location, target);
      }
    },
  };
}

interface Answer {
  readonly httpStatus: number;
  readonly location: string | undefined;
  readonly body: string;
}

function get(
  url: URL,
  headers: Readonly<Record<string, readonly string[]>>,
  signal: AbortSignal,
): Promise<Answer> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const all = Object.fromEntries(
    Object.entries(headers).map(([name, values]) => [name, [...values]]),
  );
  return new Promise((resolve, reject) => {
    const request = send(url, { headers: all, signal, agent: false }, (response) => {
      answerOf(response).then(resolve, reject);
    });
    request.on('error', reject);
    request.end();
  });
}

async function answerOf(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MANIFEST_LIMIT_BYTES) throw new ManifestError('the response is larger than 10 MiB');
    chunks.push(chunk);
  }
  const httpStatus = response.statusCode ?? 0;
  const isRedirect = [301, 302, 303, 307, 308].includes(httpStatus);
  return {
    httpStatus,
    location: isRedirect ? response.headers.location : undefined,
    body: Buffer.concat(chunks).toString('utf8'),
  };
}
