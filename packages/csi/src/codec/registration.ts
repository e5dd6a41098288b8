import { bool, type Decoded, message, string, strings, unary } from '@nodeagent/unix-grpc';

/** A node plug-in's description of itself. */
export const PluginRegistration = message({
  /** `CSIPlugin`, `DevicePlugin` or `DRAPlugin`. */
  type: string(1),
  /** The driver's name. */
  name: string(2),
  /** The absolute path of the socket that serves; the registration socket itself if empty. */
  endpoint: string(3),
  /** `1.0.0` for a CSI driver. */
  supportedVersions: strings(4),
});

/** The kubelet's answer to a plug-in that has registered. */
export const RegistrationStatus = message({
  pluginRegistered: bool(1),
  /** The kubelet's reason when it refused the plug-in. */
  error: string(2),
});

const Nothing = message({});

/**
 * `pluginregistration.Registration`: served by a plug-in on a socket in the kubelet's
 * `plugins_registry` directory, called by the kubelet.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/kubelet/pkg/apis/pluginregistration/v1
 */
export const REGISTRATION = {
  getInfo: unary('pluginregistration.Registration/GetInfo', Nothing, PluginRegistration),
  notifyRegistrationStatus: unary(
    'pluginregistration.Registration/NotifyRegistrationStatus',
    RegistrationStatus,
    Nothing,
  ),
} as const;

export type PluginRegistration = Decoded<typeof PluginRegistration>;
export type RegistrationStatus = Decoded<typeof RegistrationStatus>;
