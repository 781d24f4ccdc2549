/** The function, with its last result kept for as long as it is asked with the very same arguments. */
export function lastOnly<A extends readonly unknown[], R>(
  work: (...args: A) => R,
): (...args: A) => R {
  let last: { readonly args: A; readonly result: R } | undefined;
  return (...args) => {
    if (last === undefined || args.some((arg, index) => arg !== last?.args[index]))
      last = { args, result: work(...args) };
    return last.result;
  };
}
