import { isIPv6 } from 'node:net';

import { parseEndpoint } from './endpoint.ts';
import { got, quoted, under } from './got.ts';
import type { Note, ObjectRule, Validation } from './rule.ts';
import { nameRule } from './text-rules.ts';

/** What the API server checks of the selectors of its own kinds, and not of ours. */
export const requirementRule: ObjectRule = ({ operator, values = [] }) => {
  if (typeof operator !== 'string' || !Array.isArray(values)) return [];
  const wantsValues = operator === 'In' || operator === 'NotIn';
  if (wantsValues === values.length > 0) return [];
  const want = wantsValues ? 'want values' : 'want no values';
  return [{ path: 'values', problem: `${want} for operator ${operator}, got ${got(values)}` }];
};

export const requirementValidations: readonly Validation[] = [
  {
    rule: "self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : !has(self.values) || size(self.values) == 0",
    message: 'want values for In and NotIn, none for Exists and DoesNotExist',
    reason: 'FieldValueInvalid',
    fieldPath: '.values',
  },
];

/** The keys of a map are host names. */
export const hostKeysRule: ObjectRule = (map) =>
  Object.keys(map).flatMap((host) => {
    const name = nameRule(host);
    return name.ok ? [] : name.problems.map((each) => ({ ...each, path: under('', host) }));
  });

/** Where a zone's content comes from: one place, and none of ours where it comes by transfer. */
export const zoneRule: ObjectRule = (spec) => [
  ...(spec['zoneFile'] !== undefined && spec['zoneFileFrom'] !== undefined
    ? [{ path: 'zoneFileFrom', problem: 'want only one of zoneFile and zoneFileFrom, got both' }]
    : []),
  ...(spec['type'] === 'secondary' ? secondaryNotes(spec) : primaryNotes(spec)),
  ...providerNotes(spec),
];

const providerNotes: ObjectRule = (spec) =>
  ['clusterProviderRef', 'globalClusterRef']
    .filter((field) => spec[field] !== undefined)
    .map((field) => ({
      path: field,
      problem: `want clusterRef or a selector of instances, got ${got(spec[field])}: it is not used`,
      warning: true,
    }));

const ofPrimariesOnly = ['zoneFile', 'zoneFileFrom', 'updates'];
const noneInSecondary = 'want none in a secondary zone, whose content comes by transfer';

const secondaryNotes: ObjectRule = (spec) =>
  ofPrimariesOnly
    .filter((field) => spec[field] !== undefined)
    .map((field) => ({ path: field, problem: `${noneInSecondary}, got ${got(spec[field])}` }));

export const zoneValidations: readonly Validation[] = [
  {
    rule: '!has(self.zoneFile) || !has(self.zoneFileFrom)',
    message: 'want only one of zoneFile and zoneFileFrom, got both',
    reason: 'FieldValueForbidden',
    fieldPath: '.zoneFileFrom',
  },
  ...ofPrimariesOnly.map(
    (field): Validation => ({
      rule: `self.type != 'secondary' || !has(self.${field})`,
      message: noneInSecondary,
      reason: 'FieldValueForbidden',
      fieldPath: `.${field}`,
    }),
  ),
];

const primaryNotes: ObjectRule = ({ secondaryConfig, type }) =>
  secondaryConfig === undefined || (type !== undefined && type !== 'primary')
    ? []
    : [
        {
          path: 'secondaryConfig',
          problem: 'want type: secondary beside it, got none',
          warning: true,
        },
      ];

/** Bindy took host names there, and used none. */
export const instanceRule: ObjectRule = ({ primaryServers }) =>
  entriesOf(primaryServers).flatMap(([index, server]) =>
    parseEndpoint(server).ok
      ? []
      : [
          {
            path: `primaryServers[${index}]`,
            problem: `want an IP, ip:port or [ipv6]:port, got ${quoted(server)}: it is not used`,
            warning: true,
          },
        ],
  );

/** named takes an address of the other family without a word, and never listens on it. */
export const namedConfigRule: ObjectRule = ({ listenOn, listenOnV6 }) => [
  ...familyNotes('listenOn', 'IPv4', listenOn),
  ...familyNotes('listenOnV6', 'IPv6', listenOnV6),
];

function familyNotes(field: string, family: 'IPv4' | 'IPv6', value: unknown): readonly Note[] {
  return entriesOf(value).flatMap(([index, text]) => {
    const address = text.replaceAll(/^\s*!\s*|\/.*$/g, '');
    const other = family === 'IPv4' ? isIPv6(address) : /^[\d.]+$/.test(address);
    const problem = `want an ${family} address, got ${quoted(text)}: it has no effect`;
    return other ? [{ path: `${field}[${index}]`, problem, warning: true }] : [];
  });
}

/** v1alpha1 has one address, v1beta1 a list; either may hold both. */
export const someAddressRule =
  (family: 'ipv4' | 'ipv6'): ObjectRule =>
  (spec) => {
    const list = spec[`${family}Addresses`];
    const empty = list === undefined || (Array.isArray(list) && list.length === 0);
    if (!empty || spec[`${family}Address`] !== undefined) return [];
    return [{ path: `${family}Addresses`, problem: `want at least one address, got ${got(list)}` }];
  };

export const someAddressValidations = (family: 'ipv4' | 'ipv6'): readonly Validation[] => [
  {
    rule: `has(self.${family}Address) || has(self.${family}Addresses) && size(self.${family}Addresses) > 0`,
    message: 'want at least one address',
    reason: 'FieldValueRequired',
    fieldPath: `.${family}Addresses`,
  },
];

const entriesOf = (list: unknown): readonly (readonly [number, string])[] =>
  Array.isArray(list)
    ? list.flatMap((each, index) => (typeof each === 'string' ? [[index, each] as const] : []))
    : [];
