import type { HttpRequest } from '../plan/http-request.js';

/** The bytes of a GET without a body, in latin1; asks the server to close afterwards. */
export function encodeHttpRequest({ target, host, headers }: HttpRequest): string {
  const fields = headers.map(({ name, value }) => `${name}: ${value}\r\n`).join('');
  return `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${fields}Connection: close\r\n\r\n`;
}
