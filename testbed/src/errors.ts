export type TestbedErrorCode =
  | 'TESTBED_NOT_ROOT'
  | 'TESTBED_PROGRAM_MISSING'
  | 'TESTBED_PROGRAM_UNUSABLE'
  | 'TESTBED_COMMAND_FAILED'
  | 'TESTBED_PROCESS_ENDED'
  | 'TESTBED_NO_SPACE_LEFT'
  | 'TESTBED_TIMED_OUT'
  | 'TESTBED_KUBECONFIG';

/** A failure of the testbed; the message names the part, the reason and, if known, the remedy. */
export class TestbedError extends Error {
  override readonly name = 'TestbedError';
  readonly code: TestbedErrorCode;

  constructor(code: TestbedErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
