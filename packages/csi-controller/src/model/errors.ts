import { codedError, errorGuard } from '@nodeagent/base';

/**
 * `CSI_CONTROLLER_REFUSED`: an object of the cluster asks for something that cannot be done as it
 * stands; the message names the field and the remedy. It is tried again when the object changes, and
 * now and then.
 *
 * Every code has a section in docs/errors.md.
 */
export type CsiControllerErrorCode = 'CSI_CONTROLLER_REFUSED';

export class CsiControllerError extends codedError<CsiControllerErrorCode>('CsiControllerError') {}

/** Recognizes a {@link CsiControllerError}, one of these codes if any are given. */
export const isCsiControllerError = errorGuard(CsiControllerError);

export function refused(message: string): CsiControllerError {
  return new CsiControllerError('CSI_CONTROLLER_REFUSED', message);
}
