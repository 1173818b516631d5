import { randomBytes, randomInt } from "node:crypto";
import bcrypt from "bcryptjs";
import { checkNames, diffInputs, serve } from "./plugin-server";
import type { Properties, ResourceKind } from "./plugin-server";

/** Stand-in for the random plugin: passwords and bytes from the system's own randomness. Every change is a new value. */

/** The real provider's own, Go's default. */
const BCRYPT_COST = 10;

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const DIGITS = "0123456789";
const SPECIAL = "!@#$%&*()-_=+[]{}<>:?";
const PASSWORD_INPUTS = [
  "keepers",
  "length",
  "lower",
  "minLower",
  "minNumeric",
  "minSpecial",
  "minUpper",
  "number",
  "numeric",
  "overrideSpecial",
  "special",
  "upper",
];

function pick(alphabet: string, count: number): string[] {
  return Array.from({ length: count }, () => alphabet[randomInt(alphabet.length)] ?? "");
}

function shuffled(characters: readonly string[]): string {
  const left = [...characters];
  return characters.map(() => left.splice(randomInt(left.length), 1)[0] ?? "").join("");
}

function password(inputs: Properties): string {
  const number = (key: string): number => (typeof inputs[key] === "number" ? inputs[key] : 0);
  const special = typeof inputs["overrideSpecial"] === "string" && inputs["overrideSpecial"] !== "" ? inputs["overrideSpecial"] : SPECIAL;
  const classes = [
    { alphabet: LOWER, used: inputs["lower"] !== false, least: number("minLower") },
    { alphabet: LOWER.toUpperCase(), used: inputs["upper"] !== false, least: number("minUpper") },
    { alphabet: DIGITS, used: inputs["numeric"] !== false && inputs["number"] !== false, least: number("minNumeric") },
    { alphabet: special, used: inputs["special"] !== false, least: number("minSpecial") },
  ];
  const least = classes.flatMap((each) => pick(each.alphabet, each.least));
  const all = classes
    .filter((each) => each.used)
    .map((each) => each.alphabet)
    .join("");
  return shuffled([...least, ...pick(all, number("length") - least.length)]);
}

function kind(known: readonly string[], make: (inputs: Properties) => { id: string; state: Properties }): ResourceKind {
  return {
    check: (inputs) => checkNames(inputs, known, ["length"]),
    diff: (inputs, oldInputs) => diffInputs(inputs, oldInputs, known),
    create: (inputs) => Promise.resolve(make(inputs)),
    delete: () => Promise.resolve(),
  };
}

serve({
  name: "random",
  version: "4.21.2",
  resources: {
    "random:index/randomPassword:RandomPassword": kind(PASSWORD_INPUTS, (inputs) => {
      const result = password(inputs);
      return { id: "none", state: { ...inputs, result, bcryptHash: bcrypt.hashSync(result, BCRYPT_COST) } };
    }),
    "random:index/randomBytes:RandomBytes": kind(["keepers", "length"], (inputs) => {
      const bytes = randomBytes(Number(inputs["length"]));
      return { id: bytes.toString("base64"), state: { ...inputs, base64: bytes.toString("base64"), hex: bytes.toString("hex") } };
    }),
  },
});
