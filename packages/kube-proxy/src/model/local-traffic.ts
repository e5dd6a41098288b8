/** How traffic that pods of this node send is told from other traffic. */
export type LocalTraffic =
  | Readonly<{ kind: 'from-cidr'; cidr: string }>
  | Readonly<{ kind: 'from-interface'; name: string }>
  | Readonly<{ kind: 'from-interface-prefix'; prefix: string }>;
