import type { ForwardSockets } from '../ports.js';

/** Sockets of this process's network namespace. The code for TCP and UDP is loaded on first use. */
export function createForwardSockets(): ForwardSockets {
  return {
    forwardTcp: async (...given) => (await import('./forward-tcp.js')).forwardTcp(...given),
    forwardUdp: async (...given) => (await import('./forward-udp.js')).forwardUdp(...given),
    claim: async (...given) => (await import('./claim-port.js')).claimPort(...given),
  };
}
