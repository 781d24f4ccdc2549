import { writeFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** What the last line of `npm test` is made from. */
export interface Tally {
  readonly passed: number;
  /** Tests, hooks and files that failed, and errors that nobody caught. */
  readonly failed: number;
  readonly leftOut: readonly { readonly title: string; readonly why: string }[];
  /** Titles of those that passed only when they were tried again. */
  readonly triedAgain: readonly string[];
}

/** A vitest reporter that writes the tally of the run, as JSON, to a file. */
export function tallyReporter(file: string): Reporter {
  let chosen: RegExp | undefined;
  return {
    onInit: (vitest) => {
      chosen = vitest.config.testNamePattern;
    },
    onTestRunEnd: (modules, uncaught) => {
      writeFileSync(file, JSON.stringify(tally(modules, uncaught.length, chosen)));
    },
  };
}

function tally(modules: readonly TestModule[], uncaught: number, chosen?: RegExp): Tally {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const suites = modules.flatMap((module) => [module, ...module.children.allSuites()]);
  const withState = (state: string): TestCase[] =>
    tests.filter((test) => test.result().state === state);
  const skipped = withState('skipped').filter((test) => chosen?.test(test.fullName) ?? true);
  const broken = suites.filter((suite) => suite.errors().length > 0).length;
  return {
    passed: withState('passed').length,
    failed: withState('failed').length + withState('pending').length + broken + uncaught,
    leftOut: skipped.map((test) => ({ title: titleOf(test), why: whyLeftOut(test) })),
    triedAgain: tests.filter((test) => test.diagnostic()?.flaky === true).map(titleOf),
  };
}

const titleOf = (test: TestCase): string => `${test.module.relativeModuleId} > ${test.fullName}`;

function whyLeftOut(test: TestCase): string {
  const result = test.result();
  if (result.state === 'skipped' && result.note !== undefined) return result.note;
  return test.options.mode === 'todo' ? 'not written yet' : 'marked as skipped';
}
