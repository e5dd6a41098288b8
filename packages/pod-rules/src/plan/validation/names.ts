import { isIP } from 'node:net';

import { asWritten, type PodSpec } from '@nodeagent/kube-client';

import { field } from '../../model/field-error.js';
import { dnsLabelErrors, dnsSubdomainErrors } from '../dns-names.js';
import { qualifiedNameErrors } from '../label-names.js';
import { each, type Errors, neededOneOf } from './checks.js';
import { searchDomainErrors } from './formats.js';

type DnsConfig = NonNullable<PodSpec['dnsConfig']>;

const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
const MOST_NAMESERVERS = 3;
const MOST_SEARCHES = 32;
const SEARCH_LIMIT = 2048;
const HOSTNAME_LIMIT = 64;

/** Checks the pod's hostname and its DNS settings. */
export function namingErrors(spec: PodSpec, path: string): Errors {
  const labels = ['hostname', 'subdomain'] as const;
  const subdomains = [
    ...(['serviceAccountName', 'nodeName', 'priorityClassName', 'runtimeClassName'] as const),
  ];
  return [
    ...neededOneOf(`${path}.dnsPolicy`, spec.dnsPolicy, DNS_POLICIES),
    ...dnsErrors(spec, `${path}.dnsConfig`),
    ...overrideErrors(spec, path),
    ...labels.flatMap((name) => {
      const value = spec[name] ?? '';
      return value === '' ? [] : dnsLabelErrors(`${path}.${name}`, value);
    }),
    ...subdomains.flatMap((name) => {
      const value = spec[name];
      const isUnset = value === undefined || (value === '' && name !== 'runtimeClassName');
      return isUnset ? [] : dnsSubdomainErrors(`${path}.${name}`, value);
    }),
    ...each(spec.hostAliases, `${path}.hostAliases`, (alias, where) => [
      ...addressErrors(`${where}.ip`, asWritten(alias).ip ?? ''),
      ...each(alias.hostnames, `${where}.hostnames`, (name, at) => dnsSubdomainErrors(at, name)),
    ]),
    ...each(spec.readinessGates, `${path}.readinessGates`, ({ conditionType }, where) =>
      qualifiedNameErrors(`${where}.conditionType`, conditionType),
    ),
  ];
}

function addressErrors(path: string, address: string): Errors {
  if (isIP(address) > 0) return [];
  const detail = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
  return [field.invalid(path, address, detail)];
}

/** @see Kubernetes 1.36 pkg/apis/core/validation/validation.go, validatePodDNSConfig */
function dnsErrors({ dnsPolicy, dnsConfig }: PodSpec, path: string): Errors {
  if (dnsPolicy === 'None' && dnsConfig === undefined) {
    return [field.required(path, 'must provide `dnsConfig` when `dnsPolicy` is None')];
  }
  if (dnsConfig === undefined) return [];
  const { nameservers = [], options } = dnsConfig;
  const serversAt = `${path}.nameservers`;
  if (dnsPolicy === 'None' && nameservers.length === 0) {
    const detail = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
    return [field.required(serversAt, detail)];
  }
  const tooMany = `must not have more than ${MOST_NAMESERVERS} nameservers`;
  return [
    ...(nameservers.length > MOST_NAMESERVERS
      ? [field.invalid(serversAt, nameservers, tooMany)]
      : []),
    ...each(nameservers, serversAt, (address, where) => addressErrors(where, address)),
    ...searchErrors(dnsConfig, `${path}.searches`),
    ...each(options, `${path}.options`, ({ name = '' }, where) =>
      name === '' ? [field.required(where, 'must not be empty')] : [],
    ),
  ];
}

function searchErrors({ searches = [] }: DnsConfig, path: string): Errors {
  const errors = [];
  if (searches.length > MOST_SEARCHES) {
    const detail = `must not have more than ${MOST_SEARCHES} search paths`;
    errors.push(field.invalid(path, searches, detail));
  }
  if (searches.join(' ').length > SEARCH_LIMIT) {
    const detail = `must not have more than ${SEARCH_LIMIT} characters (including spaces) in the search list`;
    errors.push(field.invalid(path, searches, detail));
  }
  const domainErrors = each(searches, path, (domain, where) =>
    domain === '.' ? [] : searchDomainErrors(where, domain.replace(/\.$/, '')),
  );
  return [...errors, ...domainErrors];
}

function overrideErrors(
  { hostnameOverride, setHostnameAsFQDN, hostNetwork }: PodSpec,
  path: string,
): Errors {
  if (hostnameOverride === undefined) return [];
  const where = `${path}.hostnameOverride`;
  const forbidden = (when: string) =>
    field.forbidden(where, `may not be specified when ${when} is true`);
  return [
    ...(setHostnameAsFQDN === true ? [forbidden('setHostnameAsFQDN')] : []),
    ...(hostNetwork === true ? [forbidden('hostNetwork')] : []),
    ...(hostnameOverride.length > HOSTNAME_LIMIT ? [field.tooLong(where, HOSTNAME_LIMIT)] : []),
    ...dnsSubdomainErrors(where, hostnameOverride),
  ];
}
