import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Candidate,
  choosePrimaries,
  outsideCandidate,
  peerCandidate,
} from '../../agent/plan/primaries.ts';
import { endpointId } from '../../agent/plan/topology.ts';
import { peer } from './worlds.ts';

const at = (last: number) => ({ address: `10.0.0.${last}`, port: 53, key: 'cluster' });
const candidate = (last: number, draining = false): Candidate => ({
  ...at(last),
  proof: `10.0.0.${last}#53`,
  draining,
});
const proven = (...lasts: number[]) => new Set(lasts.map((last) => `10.0.0.${last}#53`));
const [a, b, c] = [candidate(1), candidate(2), candidate(3)];

test('takes the first candidate that is proven', () => {
  expect(choosePrimaries([a, b, c], proven(2, 3), [])).toEqual([at(2)]);
});

test('keeps the present one for as long as it is proven', () => {
  expect(choosePrimaries([a, b, c], proven(1, 2), [at(2)])).toEqual([at(2)]);
  expect(choosePrimaries([a, b, c], proven(1), [at(2)])).toEqual([at(1)]);
});

test('leaves one that drains, unless there is no other', () => {
  const draining = candidate(1, true);
  expect(choosePrimaries([draining, b], proven(1, 2), [at(1)])).toEqual([at(2)]);
  expect(choosePrimaries([draining, b], proven(1), [at(1)])).toEqual([at(1)]);
});

test('leaves one that answers without having what was agreed on, unless none has it', () => {
  const outdated = new Set(['10.0.0.1#53']);
  expect(choosePrimaries([a, b], proven(1, 2), [at(1)], outdated)).toEqual([at(2)]);
  expect(choosePrimaries([a, b], proven(1), [at(1)], outdated)).toEqual([at(1)]);
});

test('with none proven the last known stays, and at first there is the first candidate', () => {
  expect(choosePrimaries([a, b], proven(), [at(2)])).toEqual([at(2)]);
  expect(choosePrimaries([], proven(), [at(9)])).toEqual([at(9)]);
  expect(choosePrimaries([a, b], proven(), [])).toEqual([at(1)]);
  expect(choosePrimaries([], proven(), [])).toEqual([]);
});

test('a peer that drains or is silent is left; one outside is proven zone by zone', () => {
  const silent = peerCandidate(peer('p', 'primary', { liveness: 'silent' }), at(1));
  expect(silent).toEqual({ ...at(1), proof: '10.0.0.1#53', draining: true });
  const drains = peerCandidate(peer('p', 'primary', { draining: true }), at(1));
  expect(drains.draining).toBe(true);
  expect(outsideCandidate('example.com.', at(1)).proof).toBe('10.0.0.1#53/example.com.');
});

test('never lists more than one that was proven, nor none where one is known', () => {
  const candidates = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 5 });
  const set = fc.array(fc.integer({ min: 1, max: 9 })).map((lasts) => proven(...lasts));
  const known = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 2 });
  fc.assert(
    fc.property(candidates, set, known, set, (lasts, answering, current, outdated) => {
      const list = lasts.map((last) => candidate(last));
      const chosen = choosePrimaries(list, answering, current.map(at), outdated);
      expect(chosen.length > 0).toBe(list.length > 0 || current.length > 0);
      const usable = list.filter(({ proof }) => answering.has(proof));
      if (usable.length === 0) return;
      expect(chosen.length).toBe(1);
      expect(usable.map(endpointId)).toContain(endpointId(chosen[0] ?? at(0)));
    }),
  );
});
