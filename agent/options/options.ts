import type { Declaration } from './declaration.ts';
import type { declarations } from './declarations.ts';

type Declared = (typeof declarations)[number];
type Value<D> = D extends Declaration<string, infer T> ? T : never;
type SectionOf<P extends string> = P extends `${infer Section}.${string}` ? Section : never;

type TopLevel = {
  readonly [D in Declared as D['path'] extends `${string}.${string}` ? never : D['path']]: Value<D>;
};

type Sections = {
  readonly [S in SectionOf<Declared['path']>]: {
    readonly [D in Declared as D['path'] extends `${S}.${infer Name}` ? Name : never]: Value<D>;
  };
};

/** Every setting, checked, merged once and frozen: `options.http.port`. Its shape comes from the declarations. */
export type Options = TopLevel & Sections;

/** A setting's YAML path, e.g. `http.port`. */
export type OptionPath = Declared['path'];
