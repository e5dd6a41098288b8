/** Key material or a token: given in place, or in a file that may be replaced while we run. */
export type Material = Readonly<{ kind: 'inline'; text: string }> | MaterialFile;

export interface MaterialFile {
  readonly kind: 'file';
  readonly path: string;
  /** Nothing is shown until there is such a file: of a certificate that is still to be issued. */
  readonly mayBeMissing?: boolean;
}

/** A program that hands out credentials: `client.authentication.k8s.io`. */
export interface ExecPlugin {
  readonly apiVersion: 'client.authentication.k8s.io/v1' | 'client.authentication.k8s.io/v1beta1';
  /** Absolute, or searched in PATH when it holds no slash. */
  readonly command: string;
  readonly args: readonly string[];
  /** On top of our own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Shown when the program is missing. */
  readonly installHint?: string;
  /** Tells the program where the API server is. */
  readonly provideClusterInfo: boolean;
}

export interface UserAuth {
  readonly clientCertificate?: Readonly<{ certificate: Material; key: Material }>;
  readonly token?: Material;
  readonly basic?: Readonly<{ username: string; password: string }>;
  readonly exec?: ExecPlugin;
  /** Sent with each request, e.g. `Impersonate-User`. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

/** Everything needed to reach one API server as one user. */
export interface Connection {
  /** `https://10.0.0.1:6443`; may have a path prefix, no query. */
  readonly server: string;
  /** Where this was read from, for messages: `kubeconfig /etc/a.conf, context "b"`. */
  readonly source: string;
  readonly user: UserAuth;
  /** PEM certificates that may sign the server's; the system's when absent. */
  readonly ca?: Material;
  readonly insecureSkipTlsVerify?: boolean;
  /** The name that the server's certificate must carry, where that is not the address's. */
  readonly tlsServerName?: string;
  /** `http://proxy:3128`: requests go through it by CONNECT, plain ones too. */
  readonly proxyUrl?: string;
  /** The context's namespace. */
  readonly namespace?: string;
}
