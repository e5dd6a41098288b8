import type { HttpRequest } from '../plan/http-request.js';

/**
 * Renders a GET without a body. Send it as UTF-8: in latin1, U+010D would become a line end. It
 * asks the server to close the connection afterwards.
 */
export function encodeHttpRequest({ target, host, headers }: HttpRequest): string {
  const fields = headers.map(({ name, value }) => `${name}: ${value.trim()}\r\n`).join('');
  return `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${fields}Connection: close\r\n\r\n`;
}
