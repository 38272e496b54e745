// Made of ffi/numbers.json: change that, then `npm run gen`.

// openat2(2) `resolve`: how far a path may lead. IN_ROOT takes every `..`, absolute path and absolute symlink inside `dir`.
export const RESOLVE_NO_XDEV = 0x1;
export const RESOLVE_NO_MAGICLINKS = 0x2;
export const RESOLVE_NO_SYMLINKS = 0x4;
export const RESOLVE_BENEATH = 0x8;
export const RESOLVE_IN_ROOT = 0x10;
export const RESOLVE_CACHED = 0x20;
