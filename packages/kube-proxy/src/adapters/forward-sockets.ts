import type { ForwardSockets } from '../ports.js';

/** Sockets of this process's network namespace. Their code is loaded by the first that needs it. */
export function createForwardSockets(): ForwardSockets {
  return {
    forwardTcp: async (...given) => (await import('./forward-tcp.js')).forwardTcp(...given),
    forwardUdp: async (...given) => (await import('./forward-udp.js')).forwardUdp(...given),
    claim: async (...given) => (await import('./claim-port.js')).claimPort(...given),
  };
}
