import { expectTypeOf, test } from 'vitest';
import type { Options } from '../../agent/options/options.ts';

test('the type of the options follows from their declarations', () => {
  expectTypeOf<Options['cluster']>().toEqualTypeOf<'directory' | 'kubernetes'>();
  expectTypeOf<Options['http']>().toEqualTypeOf<{
    readonly address: string;
    readonly port: number;
  }>();
  expectTypeOf<Options['pod']['role']>().toEqualTypeOf<'' | 'primary' | 'secondary'>();
  expectTypeOf<Options['pod']['labels']>().toEqualTypeOf<Readonly<Record<string, string>>>();
  expectTypeOf<Options['keys']['files']>().toEqualTypeOf<readonly string[]>();
  expectTypeOf<Options['access']['byAddress']>().toEqualTypeOf<boolean>();
  // @ts-expect-error there is no such option
  expectTypeOf<Options['http']['prot']>().toBeAny();
});
