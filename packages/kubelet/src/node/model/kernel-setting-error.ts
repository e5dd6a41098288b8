import { codedError, errorGuard } from '@nodeagent/base';

/** `KERNEL_SETTING`: the kernel does not have a setting that pods need, and does not get it. */
export type KernelSettingErrorCode = 'KERNEL_SETTING';

export class KernelSettingError extends codedError<KernelSettingErrorCode>('KernelSettingError') {
  constructor(problems: readonly string[]) {
    super('KERNEL_SETTING', problems.join('; '));
  }
}

/** Matches the name and, if any are given, the codes. */
export const isKernelSettingError = errorGuard(KernelSettingError);
