/** How the proxy recognises traffic from pods of this node. */
export type LocalTraffic =
  | Readonly<{ kind: 'from-cidr'; cidr: string }>
  | Readonly<{ kind: 'from-interface'; name: string }>
  | Readonly<{ kind: 'from-interface-prefix'; prefix: string }>;
