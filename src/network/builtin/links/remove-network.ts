import { deleteLink, listLinks } from "../../netlink/links.ts";
import type { NetlinkSocket } from "../../netlink/netlink-socket.ts";
import type { PodRules } from "../firewall/pod-rules.ts";
import { bridgeAlias } from "./bridge.ts";

/** Removes bridge and tables, unless another daemon's pods use them. */
export async function removeNetwork(
  socket: NetlinkSocket,
  rules: PodRules,
  name: string,
  owner: string,
): Promise<void> {
  const links = await listLinks(socket);
  const bridge = links.find((link) => link.name === name);
  const theirs = bridge !== undefined && bridge.alias !== bridgeAlias(owner);
  if (theirs || links.some(({ masterIndex }) => masterIndex === bridge?.index)) return;
  // The bridge last: it bears the owner's name, so that a daemon that dies here finds what is left at its next start.
  await rules.removeRules();
  if (bridge !== undefined) await deleteLink(socket, name);
}
