import type { FuzzTarget } from "./fuzz-target.ts";
import { criToPlan } from "./targets/cri-to-plan.ts";
import { httpUpgrade } from "./targets/http-upgrade.ts";
import { parsersTarget } from "./targets/parsers.ts";
import { spdyBytes } from "./targets/spdy-bytes.ts";
import { spdyFrames } from "./targets/spdy-frames.ts";
import { spdyHeaders } from "./targets/spdy-headers.ts";
import { websocket } from "./targets/websocket.ts";

/** Every target by its name. */
export const fuzzTargets: ReadonlyMap<string, () => FuzzTarget> = new Map([
  ["spdy-bytes", spdyBytes],
  ["spdy-frames", spdyFrames],
  ["spdy-headers", spdyHeaders],
  ["websocket", websocket],
  ["http-upgrade", httpUpgrade],
  ["cri-to-plan", criToPlan],
  ["parsers", parsersTarget],
]);
