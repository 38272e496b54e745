declare const brand: unique symbol;

/**
 * A nominal type over a plain one: made only by the parser that checks it, free at run time. Names add up, so that
 * a brand of a brand (a ChainId is a Digest) is both.
 */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: { readonly [Key in Name]: true } };
