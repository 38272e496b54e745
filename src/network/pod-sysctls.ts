/**
 * What every pod with a network of its own starts with, unless it asks for something else: set in the namespace before
 * any interface is there, which inherits it.
 *
 * A pod that believed router advertisements could have its traffic taken by a neighbour (CVE-2020-10749).
 */
export const podNetworkSysctls = { "net.ipv6.conf.default.accept_ra": "0" } as const satisfies Readonly<
  Record<string, string>
>;
