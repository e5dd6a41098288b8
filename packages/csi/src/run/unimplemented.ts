import { CsiError } from '../model/errors.js';

/** @throws {CsiError} `CSI_UNIMPLEMENTED`, always */
export function unimplemented(what: string): never {
  throw new CsiError('CSI_UNIMPLEMENTED', `this driver does not have ${what}`);
}
