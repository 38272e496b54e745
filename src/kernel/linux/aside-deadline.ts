/**
 * The kernel answers these within milliseconds, on a machine that is as busy as can be within seconds. What has not come by then is
 * given up: its thread hangs in the kernel and is left behind.
 */
export const asideDeadlineMs = 15_000;
