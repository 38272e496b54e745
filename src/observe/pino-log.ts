import pino from "pino";
import { visible } from "../errors/visible.ts";
import type { Log } from "./log.ts";
import { textLine } from "./text-line.ts";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";

export interface AdjustableLog extends Log {
  /** For a reload of the configuration. */
  setLevel(level: LogLevel): void;
}

/**
 * Log lines to a file descriptor, written before the call returns: the last line before a crash is the one that counts.
 *
 * @param format `json` for machines (one object a line), `text` for people and the journal.
 */
export function createPinoLog(
  options: { readonly level: LogLevel; readonly format: "text" | "json" },
  fd: number,
): AdjustableLog {
  const sink = pino.destination({ dest: fd, sync: true });
  const shown = options.format === "json" ? (line: string) => line : textLine;
  const destination = { write: (line: string) => void sink.write(visible(shown(line))) };
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: serializeError },
    },
    destination,
  );
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    setLevel(level) {
      logger.level = level;
    },
  };
}

/** Message and where it came from; for crib's own errors the code, and the causes beneath. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const code: unknown = Reflect.get(error, "code");
  return {
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(error instanceof SuppressedError
      ? { undoing: serializeError(error.error), suppressed: serializeError(error.suppressed) }
      : {}),
    ...(error.cause === undefined ? {} : { cause: serializeError(error.cause) }),
    stack: error.stack,
  };
}
