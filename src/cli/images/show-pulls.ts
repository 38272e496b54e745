import {
  type LayerProgress,
  PullEventSchema,
  type PullUnderWay,
  PullUnderWaySchema,
} from "../../gen/crib/v1/engine_pb.ts";
import { humanAge, humanSpan } from "../format/human-age.ts";
import { humanSize } from "../format/human-size.ts";
import { jsonText } from "../format/json-text.ts";
import { printable } from "../format/printable.ts";
import { protoJson } from "../format/proto-json.ts";
import { shortId } from "../format/short-id.ts";
import { type Column, printTable } from "../format/table.ts";
import { rfc3339Nanos } from "../format/timestamp.ts";
import { type Cli, printJson } from "../program/cli.ts";
import { type DaemonClient, noTimeout } from "../program/client.ts";
import { interruptSignal } from "../program/interrupt-signal.ts";

/** One line of the table: a layer, or a pull that knows none yet. */
interface Row {
  readonly pull: PullUnderWay;
  readonly layer: LayerProgress | undefined;
}

/** `crib images --pulling`: what is being pulled, for any client. */
export async function showPulls(cli: Cli, daemon: DaemonClient, options: { readonly json: boolean }): Promise<void> {
  const { pulls } = await daemon.engine.listPulls({});
  if (options.json)
    return printJson(
      cli.io,
      pulls.map((pull) => protoJson(PullUnderWaySchema, pull)),
    );
  if (pulls.length === 0) return void cli.io.stdout.write("nothing is being pulled\n");
  const rows = pulls.flatMap((pull): Row[] =>
    pull.layers.length === 0 ? [{ pull, layer: undefined }] : pull.layers.map((layer) => ({ pull, layer })),
  );
  printTable(cli.io.stdout, columns(cli.io.clock.now()), rows);
}

/** `crib images --pulling --watch`: a line for each step, until Ctrl-C. */
export async function watchPulls(cli: Cli, daemon: DaemonClient, options: { readonly json: boolean }): Promise<void> {
  using interrupt = interruptSignal(cli.io);
  const { signal } = interrupt;
  const { stdout } = cli.io;
  try {
    for await (const event of daemon.engine.watchPulls({}, { signal, timeoutMs: noTimeout })) {
      if (options.json) stdout.write(jsonText(protoJson(PullEventSchema, event)));
      else if (event.pull !== undefined)
        stdout.write(`${rfc3339Nanos(cli.io.clock.now())} ${eventLine(event.pull, event.imageId, event.error)}\n`);
      await stdout.flush();
      if (stdout.closed) return;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function columns(now: bigint): Column<Row>[] {
  const ofLayer = (show: (layer: LayerProgress) => string) => (row: Row) =>
    row.layer === undefined ? "" : show(row.layer);
  return [
    { title: "IMAGE", value: ({ pull }) => pull.reference },
    { title: "FOR", value: ({ pull }) => pull.askers.join(",") },
    { title: "SINCE", value: ({ pull }) => humanAge(pull.startedAtNs, now) },
    { title: "LAYER", value: ofLayer(({ digest }) => shortId(digest)) },
    { title: "STATE", value: ({ layer }) => layer?.phase ?? "asking" },
    { title: "DONE", value: ofLayer(({ doneBytes }) => humanSize(doneBytes)), align: "right" },
    { title: "SIZE", value: ofLayer(({ totalBytes }) => humanSize(totalBytes)), align: "right" },
    { title: "RATE", value: ofLayer(rateText), align: "right" },
    { title: "ETA", value: ofLayer(etaText), align: "right" },
    { title: "FROM", value: ofLayer(({ source, mirror }) => (mirror ? `${source} (mirror)` : source)) },
  ];
}

function rateText({ bytesPerSecond }: LayerProgress): string {
  return bytesPerSecond === undefined ? "" : `${humanSize(bytesPerSecond)}/s`;
}

function etaText({ millisecondsLeft }: LayerProgress): string {
  return millisecondsLeft === undefined ? "" : humanSpan(Number(millisecondsLeft));
}

function eventLine(pull: PullUnderWay, imageId: string, error: string): string {
  const name = printable(pull.reference);
  if (error !== "") return `failed ${name}: ${printable(error)}`;
  if (imageId !== "") return `done ${name} ${shortId(imageId)}`;
  const sum = (of: (layer: LayerProgress) => bigint): bigint =>
    pull.layers.reduce((total, layer) => total + of(layer), 0n);
  const ready = pull.layers.filter(({ phase }) => phase === "done" || phase === "present").length;
  const rate = sum((layer) => layer.bytesPerSecond ?? 0n);
  const sizes = `${humanSize(sum((layer) => layer.doneBytes))} of ${humanSize(sum((layer) => layer.totalBytes))}`;
  return `pulling ${name} ${ready}/${pull.layers.length} layers, ${sizes}${rate > 0n ? `, ${humanSize(rate)}/s` : ""}`;
}
