import type { StatusError } from '../model/errors.js';

/** The line that ends a watch that failed after it began. */
export function errorLine(error: StatusError): string {
  return `${JSON.stringify({ type: 'ERROR', object: error.status })}\n`;
}
