import { CelList, CelOptional, CelSpecial, type CelValue, NONE } from '../../../model/cel/value.js';
import { hasFormat } from '../../custom/formats.js';
import { mismatch, text } from '../arguments.js';
import type { Library } from '../signature.js';
import { parseUrl } from './network.js';

type Check = (value: string) => readonly string[];

class NamedFormat extends CelSpecial {
  override readonly type = 'kubernetes.NamedFormat';
  override readonly identity: string;
  readonly check: Check;

  constructor(name: string, check: Check) {
    super();
    this.identity = name;
    this.check = check;
  }
}

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

function label(pattern: RegExp, words: string): Check {
  return (value) => [
    ...(value.length > 63 ? ['must be no more than 63 characters'] : []),
    ...(pattern.test(value) ? [] : [words]),
  ];
}

const LABEL_WORDS =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035_WORDS =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
const SUBDOMAIN_WORDS =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const NAME_WORDS =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const VALUE_WORDS =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

const subdomain: Check = (value) => [
  ...(value.length > 253 ? ['must be no more than 253 characters'] : []),
  ...(value.split('.').every((part) => LABEL.test(part)) ? [] : [SUBDOMAIN_WORDS]),
];

const qualifiedName: Check = (value) => {
  const parts = value.split('/');
  const name = parts.at(-1) ?? '';
  if (parts.length > 2) return ['a qualified name must consist of a name and at most one prefix'];
  const prefix = parts.length === 2 ? subdomain(parts[0] ?? '') : [];
  return [...prefix.map((why) => `prefix part ${why}`), ...label(NAME, NAME_WORDS)(name)];
};

const labelValue: Check = (value) => (value === '' ? [] : label(NAME, VALUE_WORDS)(value));

/** Checks the beginning of a name, which may end in a dash. */
function prefix(check: Check): Check {
  return (value) => check(value.endsWith('-') ? `${value.slice(0, -1)}a` : value);
}

function ofSchema(format: string, words: string): Check {
  return (value) => (hasFormat(value, format) ? [] : [words]);
}

const FORMATS: Readonly<Record<string, Check>> = {
  dns1123Label: label(LABEL, LABEL_WORDS),
  dns1123Subdomain: subdomain,
  dns1035Label: label(LABEL_1035, LABEL_1035_WORDS),
  qualifiedName,
  dns1123LabelPrefix: prefix(label(LABEL, LABEL_WORDS)),
  dns1123SubdomainPrefix: prefix(subdomain),
  dns1035LabelPrefix: prefix(label(LABEL_1035, LABEL_1035_WORDS)),
  labelValue,
  uri: (value) => (parseUrl(value) === undefined ? ['invalid URI for request'] : []),
  uuid: ofSchema('uuid', 'does not match the UUID format'),
  byte: ofSchema('byte', 'invalid base64'),
  date: ofSchema('date', 'invalid date'),
  datetime: ofSchema('date-time', 'invalid datetime'),
};

const NAMED = new Map(
  Object.entries(FORMATS).map(([name, check]) => [name, new NamedFormat(name, check)] as const),
);

function validate(format: CelValue, value: string): CelOptional {
  if (!(format instanceof NamedFormat)) throw mismatch('kubernetes.NamedFormat', format);
  const problems = format.check(value);
  return problems.length === 0 ? NONE : new CelOptional(new CelList(problems));
}

function named(name: string): CelOptional {
  const found = NAMED.get(name);
  return found === undefined ? NONE : new CelOptional(found);
}

export const NAMED_FORMATS: Library = [
  ...[...NAMED].map(([name, format]): Library[number] => {
    return [`format.${name}`, '() format', () => format];
  }),
  ['format.named', '(string) optional<format>', (a) => named(text(a))],
  ['validate', 'format.(string) optional<list<string>>', (a, b) => validate(a, text(b))],
];
