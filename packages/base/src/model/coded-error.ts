/** An error that callers tell apart by its code; every code has a section in docs/errors.md. */
export interface CodedError<Code extends string> extends Error {
  readonly code: Code;
}

/** The base class that {@link codedError} makes. */
export interface CodedErrorClass<Code extends string> {
  new (code: Code, message: string, options?: ErrorOptions): CodedError<Code>;
  /** The `name` of every error of the class. */
  readonly errorName: string;
}

/**
 * Makes the base of an error class with a code.
 *
 *     export class FileError extends codedError<FileErrorCode>('FileError') {}
 *     export const isFileError = errorGuard(FileError);
 *
 * @param errorName of the class that extends it
 */
export function codedError<Code extends string>(errorName: string): CodedErrorClass<Code> {
  return class extends Error implements CodedError<Code> {
    static readonly errorName = errorName;
    override readonly name: string = errorName;
    readonly code: Code;

    constructor(code: Code, message: string, options?: ErrorOptions) {
      super(message, options);
      this.code = code;
    }
  };
}

/** @returns true for an error of the class; with codes, only for one that has one of these */
export type ErrorGuard<E extends CodedError<string>> = (
  value: unknown,
  ...codes: readonly E['code'][]
) => value is E;

/**
 * The question whether a value is an error of a class. It looks at name and code, not at
 * `instanceof`: two copies of a package may be installed.
 */
export function errorGuard<E extends CodedError<string>>(
  type: Readonly<{ errorName: string }> & (abstract new (...args: never) => E),
): ErrorGuard<E> {
  return (value, ...codes): value is E => {
    if (!(value instanceof Error) || value.name !== type.errorName) return false;
    return codes.length === 0 || codes.some((code) => code === (value as E).code);
  };
}
