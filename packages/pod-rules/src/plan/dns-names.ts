import { field, type FieldError } from '../model/field-error.js';

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const DNS1035_LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;

const LABEL_1035_DETAIL =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const LABEL_DETAIL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_DETAIL =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/**
 * A DNS label: names of Namespaces, Services, containers, volumes; at most 63 characters.
 *
 * @param path the field that has the value: `metadata.name`
 * @see https://www.rfc-editor.org/rfc/rfc1123, section 2.1
 */
export function dnsLabelErrors(path: string, value: string): readonly FieldError[] {
  if (value.length > 63) return [field.invalid(path, value, 'must be no more than 63 bytes')];
  return DNS_LABEL.test(value) ? [] : [field.invalid(path, value, LABEL_DETAIL)];
}

/** DNS labels joined by dots: names of most objects; at most 253 characters. */
export function dnsSubdomainErrors(path: string, value: string): readonly FieldError[] {
  return dnsSubdomainProblems(value).map((why) => field.invalid(path, value, why));
}

/** Lists what is wrong with a text as a name of DNS labels; nothing for a good one. */
export function dnsSubdomainProblems(value: string): readonly string[] {
  if (value.length > 253) return ['must be no more than 253 bytes'];
  return DNS_SUBDOMAIN.test(value) ? [] : [SUBDOMAIN_DETAIL];
}

/**
 * A DNS label that does not begin with a digit: plural names of resources, versions; at most 63
 * characters.
 *
 * @see https://www.rfc-editor.org/rfc/rfc1035, section 2.3.1
 */
export function dns1035LabelErrors(path: string, value: string): readonly FieldError[] {
  return dns1035LabelProblems(value).map((why) => field.invalid(path, value, why));
}

/** Lists what is wrong with a text as such a label; nothing for a good one. */
export function dns1035LabelProblems(value: string): readonly string[] {
  return [
    ...(value.length > 63 ? ['must be no more than 63 bytes'] : []),
    ...(DNS1035_LABEL.test(value) ? [] : [LABEL_1035_DETAIL]),
  ];
}
