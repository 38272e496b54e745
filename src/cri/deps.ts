import type { Cgroups } from "../cgroups/port.ts";
import type { Config } from "../config/config.ts";
import type { ReloadConfig } from "../config/reloaded-setting.ts";
import type { UnixNanos } from "../ids/units.ts";
import type { Images } from "../images/port.ts";
import type { PodNetwork } from "../network/port.ts";
import type { Clock } from "../observe/clock.ts";
import type { Log } from "../observe/log.ts";
import type { LoopWatch } from "../observe/loop-watch.ts";
import type { QuietMoments } from "../observe/quiet-moments.ts";
import type { Pods } from "../pods/port.ts";
import type { StreamUrls } from "../streaming/streaming-server.ts";
import type { FeatureFacts } from "./features.ts";

/** Who this executable is; fixed when it was built. */
interface BuildInfo {
  /** Semantic version. */
  readonly version: string;
  /** Git revision, "unknown" outside a build. */
  readonly revision: string;
}

/** What RPC handlers are made of. Each takes the few it needs. */
export interface CriDeps {
  readonly config: Config;
  readonly build: BuildInfo;
  readonly clock: Clock;
  readonly log: Log;
  readonly pods: Pods;
  readonly images: Images;
  readonly network: PodNetwork;
  readonly streaming: StreamUrls;
  readonly cgroups: Pick<Cgroups, "mode">;
  readonly hostFacts: FeatureFacts;
  /** This process, for `crib` verbs that ask who answers. */
  readonly pid: number;
  readonly startedAtNs: UnixNanos;
  readonly quietMoments: QuietMoments;
  readonly loopWatch: LoopWatch;
  readonly reload: ReloadConfig;
}
