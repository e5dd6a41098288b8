import type { StatusError } from '../model/errors.js';

/** Renders the line that ends a watch which failed after it began. */
export function errorLine(error: StatusError): string {
  return `${JSON.stringify({ type: 'ERROR', object: error.status })}\n`;
}
