import { unavailable } from "../../errors/crib-error.ts";
import { foreignField } from "../../json/foreign-object.ts";
import { parseAddress } from "../builtin/addresses/subnet.ts";
import { isObject, type JsonObject } from "./network-list.ts";

/**
 * The pod's addresses in a plugin's result of any version, in its order.
 *
 * From 0.3.0 on `ips` lists them; one may name its interface by index, and only those inside a sandbox are the pod's
 * (bridge plugins list the host's too). 0.1.0 and 0.2.0 have `ip4` and `ip6`.
 *
 * @throws {CribError} unavailable for an address that is none.
 */
export function podAddresses(result: JsonObject, what: string): readonly string[] {
  const ips = listOf(foreignField(result, "ips"));
  const interfaces = listOf(foreignField(result, "interfaces"));
  const current = ips
    .filter((ip) => isPodInterface(interfaces, foreignField(ip, "interface")))
    .map((ip) => foreignField(ip, "address"));
  const early = [foreignField(result, "ip4"), foreignField(result, "ip6")]
    .filter(isObject)
    .map((ip) => foreignField(ip, "ip"));
  return [...new Set([...current, ...early].map((address) => plainAddress(address, what)))];
}

function isPodInterface(interfaces: readonly JsonObject[], index: unknown): boolean {
  if (typeof index !== "number") return true;
  const named = interfaces[index];
  if (named === undefined) return true;
  const sandbox = foreignField(named, "sandbox");
  return typeof sandbox === "string" && sandbox !== "";
}

/** `10.1.0.5/24` → `10.1.0.5`. */
function plainAddress(text: unknown, what: string): string {
  const address = typeof text === "string" ? (text.split("/", 1)[0] ?? "") : "";
  if (parseAddress(address) === undefined) {
    throw unavailable(`${what} returned the address ${JSON.stringify(text)?.slice(0, 80)}, which is none`);
  }
  return address;
}

function listOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
