export {
  CsiControllerError,
  type CsiControllerErrorCode,
  isCsiControllerError,
} from './model/errors.js';
export { type CsiControllerOptions, runCsiController } from './run/run-csi-controller.js';
