import { isIPv4, isIPv6 } from 'node:net';

import { parseGoDuration, parseTimestamp } from '@nodeagent/base';

const SHORT_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const HOSTNAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\.?$/i;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const MAC = /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i;

/**
 * The formats that are checked; a field of another format may have any text.
 *
 * @see Kubernetes 1.36 apiextensions-apiserver pkg/apiserver/validation/formats.go
 */
const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  'date-time': (text) => parseTimestamp(text) !== undefined,
  date: (text) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)),
  duration: (text) => parseGoDuration(text) !== undefined,
  ipv4: isIPv4,
  ipv6: isIPv6,
  cidr: isCidr,
  mac: (text) => MAC.test(text),
  hostname: (text) => text.length <= 255 && HOSTNAME.test(text),
  email: (text) => /^[^\s@]+@[^\s@]+$/.test(text),
  uri: (text) => URL.canParse(text) || text.startsWith('/'),
  uuid: (text) => UUID.test(text),
  uuid3: (text) => UUID.test(text),
  uuid4: (text) => UUID.test(text),
  uuid5: (text) => UUID.test(text),
  byte: (text) => BASE64.test(text),
  'k8s-short-name': (text) => text.length <= 63 && SHORT_NAME.test(text),
  'k8s-long-name': (text) =>
    text.length <= 253 && text.split('.').every((part) => SHORT_NAME.test(part)),
};

/** Formats of texts that a real server knows and this one does not check. */
const UNCHECKED = new Set(
  'bsonobjectid isbn isbn10 isbn13 creditcard ssn hexcolor rgbcolor password datetime'.split(' '),
);
const NUMBERS: Readonly<Record<string, readonly string[]>> = {
  integer: ['int32', 'int64'],
  number: ['float', 'double'],
};

/** False for a format that a schema may name and that nothing checks. */
export function isKnownFormat(format: string, type = 'string'): boolean {
  if (type !== 'string') return NUMBERS[type]?.includes(format) ?? false;
  return Object.hasOwn(FORMATS, format) || UNCHECKED.has(format);
}

export function hasFormat(text: string, format: string): boolean {
  return FORMATS[format]?.(text) ?? true;
}

function isCidr(text: string): boolean {
  const [address = '', length = '', ...more] = text.split('/');
  const bits = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
  return more.length === 0 && /^\d{1,3}$/.test(length) && Number(length) <= bits;
}
