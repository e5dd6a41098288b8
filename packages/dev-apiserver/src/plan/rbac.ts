import type { AccessQuestion } from '../model/access.js';
import { type ApiObject, listAt, textAt } from '../model/object.js';
import type { UserInfo } from '../model/request.js';

/** True when a role binding applies to this user. */
export function binds(binding: ApiObject, user: UserInfo): boolean {
  return listAt(binding, 'subjects').some((subject) => {
    const name = textAt(subject, 'name');
    switch (subject['kind']) {
      case 'User':
        return user.username === name;
      case 'Group':
        return user.groups.includes(name);
      case 'ServiceAccount':
        return user.username === `system:serviceaccount:${textAt(subject, 'namespace')}:${name}`;
      default:
        return false;
    }
  });
}

/** True when a role has a rule that allows this. */
export function grants(role: ApiObject, question: AccessQuestion): boolean {
  const { verb, group, name, resource, subresource } = question;
  const full = subresource === '' ? resource : `${resource}/${subresource}`;
  return listAt(role, 'rules').some((rule) => {
    const has = (field: string, ...wanted: readonly string[]): boolean => {
      const values = rule[field];
      return (
        Array.isArray(values) &&
        values.some((value) => value === '*' || wanted.includes(value as string))
      );
    };
    const names = rule['resourceNames'];
    const nameFits = !Array.isArray(names) || names.length === 0 || names.includes(name);
    return (
      has('verbs', verb) &&
      has('apiGroups', group) &&
      has('resources', full, `*/${subresource}`) &&
      nameFits
    );
  });
}
