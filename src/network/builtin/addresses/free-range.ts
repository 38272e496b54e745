import { parseSubnets, type Subnet, subnetsOverlap } from "./subnet.ts";

/** A range that something of this node has already. */
export interface TakenRange {
  readonly subnet: Subnet;
  /** For people: "10.88.0.1/16 of interface cni-podman0". */
  readonly what: string;
  /** A route through a gateway: what is behind it may well leave a part of a wide range unused. */
  readonly distant: boolean;
}

/**
 * Ranges that no well-known program takes unasked come first: not podman's 10.88 (and 10.89 upwards for its networks), the
 * services' 10.96/12, flannel's 10.244, k3s's 10.42 and 10.43, CRI-O's 10.85, Docker's 172.17 upwards; nor 10.87, of which
 * `crib run` takes a part.
 */
const candidates: readonly Subnet[] = [
  ...tens(86, 86),
  ...tens(64, 84),
  ...tens(44, 63),
  ...tens(88, 95),
  ...tens(112, 239),
  ...parseEach("172.28.0.0/16", "172.29.0.0/16", "172.30.0.0/16", "198.18.0.0/16", "198.19.0.0/16"),
];

/**
 * The first range that overlaps nothing taken; where wide routes through gateways cover them all (a private network of the
 * whole of 10/8 behind a router), the first that nothing else overlaps. undefined when even that is not to be had.
 */
export function findFreeRange(taken: readonly TakenRange[]): Subnet | undefined {
  const near = taken.filter(({ subnet, distant }) => !distant || subnet.prefix >= 16);
  return candidates.find((range) => isFree(range, taken)) ?? candidates.find((range) => isFree(range, near));
}

/** What keeps a range chosen earlier from staying; a distant wide route, for which it would not be chosen again, does not. */
export function clashWith(range: Subnet, taken: readonly TakenRange[]): TakenRange | undefined {
  return taken.find(
    ({ subnet, distant }) => (!distant || subnet.prefix >= range.prefix) && subnetsOverlap(range, subnet),
  );
}

function isFree(range: Subnet, taken: readonly TakenRange[]): boolean {
  return !taken.some(({ subnet }) => subnetsOverlap(range, subnet));
}

function tens(from: number, to: number): readonly Subnet[] {
  return parseEach(...Array.from({ length: to - from + 1 }, (_, i) => `10.${from + i}.0.0/16`));
}

function parseEach(...texts: readonly string[]): readonly Subnet[] {
  return texts.flatMap(parseSubnets);
}
