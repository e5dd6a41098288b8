import { createSecureContext } from 'node:tls';

import { describe, expect, it } from 'vitest';

import { tlsProblems, tlsSettings } from '../../../src/server/index.js';

const nothing = { tlsMinVersion: '', tlsCipherSuites: [], tlsCurvePreferences: [] };

describe(tlsSettings, () => {
  it('by default offers forward secrecy and authenticated encryption, from TLS 1.2 on', () => {
    const { minVersion, ciphers } = tlsSettings(nothing);
    expect(minVersion).toBe('TLSv1.2');
    for (const suite of ciphers.split(':')) {
      expect(suite).toMatch(/^(TLS_|ECDHE-(RSA|ECDSA)-).*(GCM|POLY1305)/);
    }
  });

  it('accepts Go’s names', () => {
    const settings = tlsSettings({
      tlsMinVersion: 'VersionTLS13',
      tlsCipherSuites: ['TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384'],
      tlsCurvePreferences: ['X25519', 'CurveP256'],
    });
    expect(settings.minVersion).toBe('TLSv1.3');
    expect(settings.ecdhCurve).toBe('X25519:P-256');
    expect(settings.ciphers.split(':').slice(3)).toEqual(['ECDHE-RSA-AES256-GCM-SHA384']);
  });

  it('is accepted by OpenSSL', () => {
    const weak = ['TLS_RSA_WITH_AES_128_CBC_SHA', 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305'];
    for (const tlsCipherSuites of [[], weak]) {
      createSecureContext({ ...tlsSettings({ ...nothing, tlsCipherSuites }) });
    }
  });
});

describe(tlsProblems, () => {
  it('finds no problem in empty settings', () => expect(tlsProblems(nothing)).toEqual([]));

  it('reports each field with its unknown names', () => {
    const problems = tlsProblems({
      tlsMinVersion: 'TLS1.2',
      tlsCipherSuites: ['TLS_AES_128_GCM_SHA256', 'ROT13'],
      tlsCurvePreferences: ['Curve41'],
    });
    expect(problems.map(({ field }) => field)).toEqual([
      'tlsMinVersion',
      'tlsCipherSuites',
      'tlsCurvePreferences',
    ]);
    expect(problems[1]?.message).toMatch(/ROT13$/);
  });
});
