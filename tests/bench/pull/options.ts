import { parseArgs } from "node:util";
import { type PullImage, pullImages, smokeImages } from "./images.ts";

export interface PullBenchOptions {
  readonly rounds: number;
  readonly images: readonly PullImage[];
  readonly onlyCrib: boolean;
  readonly json: boolean;
}

/** @throws {Error} for an image or number that is none. */
export function parsePullOptions(args: readonly string[]): PullBenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string" },
      image: { type: "string", multiple: true, default: [] },
      "only-crib": { type: "boolean", default: false },
      smoke: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const known = values.smoke ? smokeImages : pullImages;
  const unknown = values.image.find((name) => !known.some((image) => image.name === name));
  if (unknown !== undefined)
    throw new Error(`--image ${unknown}: one of ${known.map((image) => image.name).join(", ")}`);
  const rounds = Number(values.rounds ?? (values.smoke ? 1 : 3));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds}: a number from 1`);
  return {
    rounds,
    images: values.image.length === 0 ? known : known.filter((image) => values.image.includes(image.name)),
    onlyCrib: values["only-crib"],
    json: values.json,
  };
}
