/** RTF_GATEWAY of linux/route.h: what is behind a router may well leave a part of a wide range unused. */
const viaGateway = 0x2;
const wide = 16;
const ours = 0x0a57_0000;

interface RouteLine {
  readonly link: string;
  readonly base: number;
  readonly mask: number;
}

/**
 * The range of a private daemon's pods: the first of the 256 of 10.87.0.0/16, from `first` on, that overlaps no route of this node
 * but those of the daemon's own bridge; `first` itself where every one does, and the daemon says what is in its way.
 *
 * @param routes text of /proc/net/route: the IPv4 routes of the main table, which has one for each interface's own range.
 */
export function privateRange(routes: string, first: number, bridge: string): string {
  const taken = parseRoutes(routes).filter(({ link }) => link !== bridge);
  const isFree = (third: number): boolean => taken.every((route) => !overlaps(route, ours | (third << 8)));
  const order = Array.from({ length: 256 }, (_, step) => (first + step) % 256);
  return `10.87.${order.find(isFree) ?? first}.0/24`;
}

function parseRoutes(text: string): readonly RouteLine[] {
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [link = "", destination = "", , flags = "", , , , mask = ""] = line.split(/\s+/);
      if (mask === "") return [];
      const route = { link, base: hostOrder(destination), mask: hostOrder(mask) };
      const distant = (Number.parseInt(flags, 16) & viaGateway) !== 0 && prefixOf(route.mask) < wide;
      return route.mask === 0 || distant ? [] : [route];
    });
}

/** The kernel prints a word of network byte order as this machine reads it. */
function hostOrder(hex: string): number {
  return Buffer.from(hex, "hex").readUInt32LE(0);
}

function prefixOf(mask: number): number {
  return Math.clz32(~mask);
}

function overlaps({ base, mask }: RouteLine, range: number): boolean {
  const common = mask & 0xffff_ff00;
  return ((base ^ range) & common) === 0;
}
