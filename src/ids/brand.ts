declare const brand: unique symbol;

/** A nominal type over a plain one: made only by the parser that checks it, free at run time. */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };
