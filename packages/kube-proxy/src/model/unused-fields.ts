import type { UnusedFields } from '@nodeagent/component-base';

const WINDOWS = 'it is for Windows';

/**
 * Fields that kube-proxy reads and checks but does not act on, as dotted paths, with what holds
 * instead. A value other than the default is warned of when kube-proxy starts.
 */
export const UNUSED_FIELDS: UnusedFields = {
  'clientConnection.acceptContentTypes': 'answers of the API server are in JSON',
  'clientConnection.contentType': 'requests to the API server are in JSON',
  configSyncPeriod: 'changes come by watches',
  windowsRunAsService: WINDOWS,
  winkernel: WINDOWS,
};
