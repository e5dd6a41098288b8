/** Key material or a token: given as text, or in a file that may be replaced at run time. */
export type Material = Readonly<{ kind: 'inline'; text: string }> | MaterialFile;

export interface MaterialFile {
  readonly kind: 'file';
  readonly path: string;
  /**
   * The file may be missing, e.g. for a certificate that is still to be issued; until it exists, no
   * credential is presented.
   */
  readonly mayBeMissing?: boolean;
}

/** A program that issues credentials: `client.authentication.k8s.io`. */
export interface ExecPlugin {
  readonly apiVersion: 'client.authentication.k8s.io/v1' | 'client.authentication.k8s.io/v1beta1';
  /** Absolute, or searched in PATH when it holds no slash. */
  readonly command: string;
  readonly args: readonly string[];
  /** Added to our own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Shown when the program is missing. */
  readonly installHint?: string;
  /** Passes the API server's address to the program. */
  readonly provideClusterInfo: boolean;
}

/** Credentials of a kubeconfig's user, after its files have been found. */
export interface UserAuth {
  readonly clientCertificate?: Readonly<{ certificate: Material; key: Material }>;
  readonly token?: Material;
  readonly basic?: Readonly<{ username: string; password: string }>;
  readonly exec?: ExecPlugin;
  /** Headers of each request, e.g. `Impersonate-User`. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

/** Everything needed to reach one API server as one user. */
export interface Connection {
  /** `https://10.0.0.1:6443`; may have a path prefix, no query. */
  readonly server: string;
  /** The source of these settings, for messages: `kubeconfig /etc/a.conf, context "b"`. */
  readonly source: string;
  readonly user: UserAuth;
  /**
   * PEM certificates of CAs that may sign the server's certificate; the system's CAs when absent.
   */
  readonly ca?: Material;
  readonly insecureSkipTlsVerify?: boolean;
  /** The name that the server's certificate must have; the address's host when absent. */
  readonly tlsServerName?: string;
  /**
   * `http://proxy:3128`; all requests pass through it by CONNECT, even those to plain `http`
   * servers.
   */
  readonly proxyUrl?: string;
  /** The context's namespace. */
  readonly namespace?: string;
}
