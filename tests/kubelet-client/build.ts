/** `bun tests/kubelet-client/build.ts`: compiles the programs in Go, which takes minutes on a machine that never did. */
import { say } from "../harness/say.ts";
import { buildKubeletClient } from "./build-kubelet-client.ts";

say(`compiled ${buildKubeletClient()}`);
