import ipaddr from "ipaddr.js";

const nodeLocal: ReadonlySet<string> = new Set(["loopback", "linkLocal", "unspecified"]);

/**
 * Whether a host name of a URL means this node or its link: names of localhost, loopback, link-local (cloud metadata services) and
 * unspecified addresses, IPv4 ones also in IPv6 clothes. URL has normalised `0x7f.1` and the like already.
 */
export function isNodeLocal(hostname: string): boolean {
  const name = hostname
    .replace(/^\[|\]$/g, "")
    .replace(/\.$/, "")
    .toLowerCase();
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  return ipaddr.isValid(name) && nodeLocal.has(ipaddr.process(name).range());
}
