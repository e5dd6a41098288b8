import { StatusError, statusError } from '../model/errors.js';

/**
 * Words a node's refusal of a log as the API does. @see Kubernetes
 * pkg/apis/.../rest/response_checker.go
 */
export function refusalOfNode(status: number, text: string): StatusError {
  if (status === 400) return statusError.badRequest(text);
  if (status === 500) return statusError.internal(text);
  const reason = REASONS[status] ?? 'InternalError';
  return new StatusError(status, reason, text);
}

const REASONS: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  422: 'Invalid',
  429: 'TooManyRequests',
};
