import * as fc from "fast-check";
import { parsePlatform } from "../../../src/config/parse";
import { rawStack } from "./valid";

/** Valid configurations, made up: every zone, service, prefix and tier, for tests that must hold for all. */

const base = rawStack("prod");
const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,8}[a-z0-9])?$/);

const zone = (third: number): fc.Arbitrary<unknown> =>
  fc.record({ second: fc.integer({ min: 16, max: 31 }), first: fc.integer({ min: 4, max: 40 }) }).map(({ second, first }) => {
    const net = `10.${second}.${third}`;
    return {
      cidr: `${net}.0/24`,
      gateway: `${net}.1`,
      dns: [`${net}.2`],
      ntp: ["time.example.org"],
      portGroup: `VLAN-${third}`,
      pool: { from: `${net}.${first}`, to: `${net}.${first + 120}` },
    };
  });

const service = fc.oneof(
  fc.record({
    kind: fc.constant("database"),
    engine: fc.constantFrom("postgresql", "informix"),
    host: fc.constant("db.example.org"),
    database: label,
    user: label,
  }),
  fc.record({ kind: fc.constant("http"), host: fc.constant("10.1.1.1"), port: fc.integer({ min: 1, max: 65535 }), tls: fc.boolean() }),
);

export const validConfig = fc
  .record({
    users: fc.integer({ min: 1, max: 10000 }),
    prefix: fc.option(label, { nil: undefined }),
    domain: fc.tuple(label, label).map((parts) => `${parts.join(".")}.org`),
    products: fc.constantFrom(["eservices"], ["gco"], ["eservices", "gco"]),
    lan: zone(1),
    infra: zone(2),
    dmz: zone(3),
    externalServices: fc.dictionary(label, service, { maxKeys: 3 }),
    mode: fc.constantFrom("connected", "mirrored"),
  })
  .map(({ lan, infra, dmz, mode, prefix, ...rest }) => {
    const { prefix: _prefix, ...others } = base;
    return { ...others, ...rest, ...(prefix === undefined ? {} : { prefix }), zones: { lan, infra, dmz }, artifacts: { mode } };
  })
  // Two services may hash to one port: refused with a remedy, and tested on its own.
  .filter((raw) => !parsePlatform(raw).problems.some((problem) => problem.path.endsWith("listenPort")));
