import type { ExternalEndpoint } from "./flows";

/** An external service as far as the network cares. */
interface ServiceAddress {
  readonly host: string;
  readonly port: number;
  readonly listenPort?: number | undefined;
}

/** LBINTEGRATION's own ports for external services start here and end 9999 above. */
const FIRST_PORT = 20000;
const PORTS = 10000;

/** FNV-1a, 32 bit: spreads short names well and is the same everywhere. */
function hash(text: string): number {
  return Buffer.from(text, "utf8").reduce((value, byte) => Math.imul(value ^ byte, 0x01000193) >>> 0, 0x811c9dc5);
}

/** The port fixed by a service's name: the same whatever other services come and go. */
export function portByName(name: string): number {
  return FIRST_PORT + (hash(name) % PORTS);
}

/** Where each external service is and where LBINTEGRATION listens for it, by name. */
export function planExternal(services: Readonly<Record<string, ServiceAddress>>): readonly ExternalEndpoint[] {
  return Object.entries(services)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, service]) => ({ name, host: service.host, port: service.port, listenPort: service.listenPort ?? portByName(name) }));
}
