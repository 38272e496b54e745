import { RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from "../../kernel/resolve-flags.ts";

/** How every path that comes from an image is resolved: inside its root, whatever its links say. */
export const resolveInRoot = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
