// openat2(2) `resolve`: how far a path may lead.
export const RESOLVE_NO_XDEV = 0x01;
export const RESOLVE_NO_MAGICLINKS = 0x02;
export const RESOLVE_NO_SYMLINKS = 0x04;
export const RESOLVE_BENEATH = 0x08;
/** Every `..`, absolute path and absolute symlink is taken inside `dir`, as if it were the root. */
export const RESOLVE_IN_ROOT = 0x10;
export const RESOLVE_CACHED = 0x20;
