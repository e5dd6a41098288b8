import { codedError, errorGuard } from '@nodeagent/base';

/**
 * `DBUS_REFUSED` the other side answered with an error · `DBUS_TIMEOUT` no answer in time ·
 * `DBUS_CLOSED` the connection ended · `DBUS_UNREACHABLE` no connection can be opened ·
 * `DBUS_MALFORMED` bytes that are not D-Bus · `DBUS_TOO_LARGE` a message above the limit ·
 * `DBUS_VALUE` a value or a name that cannot be encoded · `DBUS_BUSY` too many calls wait for their
 * answers.
 */
export type DbusErrorCode =
  | 'DBUS_REFUSED'
  | 'DBUS_TIMEOUT'
  | 'DBUS_CLOSED'
  | 'DBUS_UNREACHABLE'
  | 'DBUS_MALFORMED'
  | 'DBUS_TOO_LARGE'
  | 'DBUS_VALUE'
  | 'DBUS_BUSY';

/** The name that the other side gave the error, beside the cause. */
export interface DbusErrorOptions extends ErrorOptions {
  /** The error's name on the bus: `org.freedesktop.DBus.Error.AccessDenied`. */
  readonly errorName?: string;
}

export class DbusError extends codedError<DbusErrorCode>('DbusError') {
  /** The error's name on the bus; only for `DBUS_REFUSED`. */
  readonly errorName: string | undefined;

  constructor(code: DbusErrorCode, message: string, options: DbusErrorOptions = {}) {
    super(code, message, options);
    this.errorName = options.errorName;
  }
}

/** Matches the name and, where any are given, the codes. */
export const isDbusError = errorGuard(DbusError);

/** Reports whether the other side answered with one of these errors. */
export function isDbusRefusal(value: unknown, ...names: readonly string[]): value is DbusError {
  if (!isDbusError(value, 'DBUS_REFUSED')) return false;
  return value.errorName !== undefined && names.includes(value.errorName);
}
