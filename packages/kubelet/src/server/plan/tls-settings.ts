/** Go offers these TLS 1.3 suites without a choice. */
const TLS13_SUITES = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
] as const;

/**
 * Maps Go's and IANA's names to OpenSSL's.
 *
 * @see Go 1.26 crypto/tls/cipher_suites.go; OpenSSL openssl-ciphers(1)
 */
const SUITES: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: 'ECDHE-ECDSA-AES128-SHA256',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256: 'ECDHE-RSA-AES128-SHA256',
  TLS_RSA_WITH_AES_128_GCM_SHA256: 'AES128-GCM-SHA256',
  TLS_RSA_WITH_AES_256_GCM_SHA384: 'AES256-GCM-SHA384',
  TLS_RSA_WITH_AES_128_CBC_SHA: 'AES128-SHA',
  TLS_RSA_WITH_AES_256_CBC_SHA: 'AES256-SHA',
  TLS_RSA_WITH_AES_128_CBC_SHA256: 'AES128-SHA256',
};

/** The default suites, with forward secrecy and authenticated encryption. */
const STRONG_SUITES: readonly string[] = Object.entries(SUITES)
  .filter(([name]) => /^TLS_ECDHE_.*(GCM|POLY1305_SHA256)/.test(name))
  .map(([, openssl]) => openssl);

const VERSIONS: Readonly<Record<string, TlsVersion>> = {
  VersionTLS10: 'TLSv1',
  VersionTLS11: 'TLSv1.1',
  VersionTLS12: 'TLSv1.2',
  VersionTLS13: 'TLSv1.3',
};

/** Maps Go's CurveID constants to OpenSSL's groups. */
const CURVES: Readonly<Record<string, string>> = {
  CurveP256: 'P-256',
  CurveP384: 'P-384',
  CurveP521: 'P-521',
  X25519: 'X25519',
  X25519MLKEM768: 'X25519MLKEM768',
};

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

/** The TLS fields of a configuration, with Go's names. */
export interface TlsNames {
  readonly tlsMinVersion: string;
  readonly tlsCipherSuites: readonly string[];
  readonly tlsCurvePreferences: readonly string[];
}

/** TLS settings with OpenSSL's names, as Node.js takes them. */
export interface TlsSettings {
  readonly minVersion: TlsVersion;
  readonly ciphers: string;
  readonly ecdhCurve: string;
}

/**
 * Translates Go's names of TLS versions, cipher suites and curves; unknown ones are left out, and
 * strong suites take their place when none is left.
 */
export function tlsSettings(names: TlsNames): TlsSettings {
  const chosen = names.tlsCipherSuites.flatMap((name) => SUITES[name] ?? []);
  const suites = chosen.length > 0 ? chosen : STRONG_SUITES;
  const curves = names.tlsCurvePreferences.flatMap((name) => CURVES[name] ?? []);
  return {
    minVersion: VERSIONS[names.tlsMinVersion] ?? 'TLSv1.2',
    ciphers: [...TLS13_SUITES, ...new Set(suites)].join(':'),
    ecdhCurve: curves.length > 0 ? curves.join(':') : 'auto',
  };
}

export interface TlsProblem {
  readonly field: 'tlsMinVersion' | 'tlsCipherSuites' | 'tlsCurvePreferences';
  readonly message: string;
}

/** Reports unknown names, each with the accepted ones. */
export function tlsProblems(names: TlsNames): readonly TlsProblem[] {
  const { tlsMinVersion, tlsCipherSuites, tlsCurvePreferences } = names;
  const problems: TlsProblem[] = [];
  if (tlsMinVersion !== '' && VERSIONS[tlsMinVersion] === undefined) {
    const message = `must be one of ${Object.keys(VERSIONS).join(', ')}, found ${JSON.stringify(tlsMinVersion)}`;
    problems.push({ field: 'tlsMinVersion', message });
  }
  const known = new Set<string>([...Object.keys(SUITES), ...TLS13_SUITES]);
  const unknown = tlsCipherSuites.filter((name) => !known.has(name));
  if (unknown.length > 0) {
    const message = `must name suites such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256; unknown: ${unknown.join(', ')}`;
    problems.push({ field: 'tlsCipherSuites', message });
  }
  const strange = tlsCurvePreferences.filter((name) => CURVES[name] === undefined);
  if (strange.length > 0) {
    const message = `must be among ${Object.keys(CURVES).join(', ')}; unknown: ${strange.join(', ')}`;
    problems.push({ field: 'tlsCurvePreferences', message });
  }
  return problems;
}
