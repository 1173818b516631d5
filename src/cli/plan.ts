import { explain } from "../../sizing/explain";
import type { PlatformConfig } from "../config/schema";
import { renderZoneFile } from "../network/dns";
import { portsText } from "../network/flows";
import type { PlatformPlan } from "../plan/platform-plan";
import { markdownTable, table } from "./table";

export const FORMATS = ["table", "json", "markdown", "html", "csv"] as const;
export type Format = (typeof FORMATS)[number];

type Cells = readonly (string | number)[];

interface Section {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly Cells[];
}

/** Longest list of addresses that is written out; a longer one is counted. */
const ADDRESSES_SHOWN = 3;

function addresses(list: readonly string[]): string {
  return list.length <= ADDRESSES_SHOWN ? list.join(", ") : `${list[0] ?? ""} and ${list.length - 1} more`;
}

function sections(plan: PlatformPlan): readonly Section[] {
  const { totals } = plan;
  return [
    {
      title: "Machines",
      head: ["name", "zone", "address", "vCPU", "GiB", "OS GB", "data GB", "roles"],
      rows: [
        ...plan.machines.map((each): Cells => [
          each.name,
          each.zone,
          each.ip,
          each.vcpu,
          each.memoryGib,
          each.osDiskGb,
          each.dataDiskGb,
          each.roles.join(", "),
        ]),
        [`${totals.machines} machines`, "", "", totals.vcpu, totals.memoryGib, totals.osDiskGb, totals.dataDiskGb, ""],
      ],
    },
    {
      title: "Virtual addresses",
      head: ["name", "address", "held by", "ports", "for"],
      rows: plan.virtualAddresses.map((each): Cells => [each.name, each.ip, each.group, each.ports.join(", "), each.purpose]),
    },
    {
      title: "Published names",
      head: ["name", "address", "through"],
      rows: plan.endpoints.map((each): Cells => [each.name, each.url, each.via]),
    },
    {
      title: "External services",
      head: ["name", "server", "port", "LBINTEGRATION's port"],
      rows: plan.external.map((each): Cells => [each.name, each.host, each.port, each.listenPort]),
    },
    {
      title: "Flows (what none names is closed)",
      head: ["from", "to", "protocol", "ports", "why", "sources", "destinations"],
      rows: plan.flows.map((flow): Cells => [
        flow.from,
        flow.to,
        flow.protocol,
        portsText(flow.ports),
        flow.why,
        addresses(flow.sources),
        addresses(flow.destinations),
      ]),
    },
    {
      title: "Components",
      head: ["name", "version", "source"],
      rows: plan.components.map((each): Cells => [each.name, each.version, each.source]),
    },
  ].filter((section) => section.rows.length > 0);
}

function jsonText(plan: PlatformPlan): string {
  const { tier, users, totals, virtualAddresses, flows, endpoints, dns, external, components, capacity } = plan;
  const machines = plan.machines.map(({ name, group, zone, ip, vcpu, memoryGib, osDiskGb, dataDiskGb, roles }) => ({
    name,
    group,
    zone,
    ip,
    vcpu,
    memoryGib,
    osDiskGb,
    dataDiskGb,
    roles,
  }));
  return JSON.stringify(
    { tier, machines, totals, virtualAddresses, flows, endpoints, users, dns, external, components, capacity },
    null,
    2,
  );
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

const STYLE = `
:root { color-scheme: light dark; --line: #d0d4da; --head: #f2f4f7; }
@media (prefers-color-scheme: dark) { :root { --line: #3a3f47; --head: #23272e; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 78rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 2rem; font-size: 13px; }
th, td { border: 1px solid var(--line); padding: .25rem .5rem; text-align: left; vertical-align: top; }
th { background: var(--head); position: sticky; top: 0; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { overflow-x: auto; background: var(--head); padding: 1rem; font-size: 12px; }
@media print { body { max-width: none; margin: 0; } th { position: static; } tr { break-inside: avoid; } }
`;

function htmlSection(section: Section): string {
  const cell = (value: string | number): string =>
    typeof value === "number" ? `<td class="number">${value}</td>` : `<td>${escaped(value)}</td>`;
  return [
    `<h2>${escaped(section.title)}</h2>`,
    `<table><thead><tr>${section.head.map((title) => `<th>${escaped(title)}</th>`).join("")}</tr></thead><tbody>`,
    ...section.rows.map((row) => `<tr>${row.map(cell).join("")}</tr>`),
    "</tbody></table>",
  ].join("\n");
}

function title(config: PlatformConfig, plan: PlatformPlan): string {
  return `Platform ${config.prefix ?? config.domain}: ${plan.users} concurrent users`;
}

function htmlText(config: PlatformConfig, plan: PlatformPlan): string {
  return [
    "<!doctype html>",
    `<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title(config, plan))}</title>`,
    `<style>${STYLE}</style></head><body>`,
    `<h1>${escaped(title(config, plan))}</h1>`,
    ...explain(plan, plan.capacity).map((sentence) => `<p>${escaped(sentence)}</p>`),
    ...sections(plan).map(htmlSection),
    `<h2>DNS zone</h2><pre>${escaped(renderZoneFile(config.domain, plan.dns))}</pre>`,
    "</body></html>",
    "",
  ].join("\n");
}

/** The flow matrix for a network team's spreadsheet, one line for each source, destination and port. */
function csvText(plan: PlatformPlan): string {
  const cell = (value: string): string => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const line = (cells: readonly string[]): string => `${cells.map(cell).join(",")}\n`;
  const rows = plan.flows.flatMap((flow) =>
    flow.sources.flatMap((source) =>
      flow.destinations.flatMap((destination) =>
        (flow.ports.length === 0 ? [""] : flow.ports.map((port) => portsText([port]))).map((port) =>
          line([flow.from, source, flow.to, destination, flow.protocol, port, flow.why]),
        ),
      ),
    ),
  );
  return [line(["from", "source", "to", "destination", "protocol", "port", "why"]), ...rows].join("");
}

/** The plan for people (table, markdown, html) or programs (json); its flow matrix alone as csv. */
export function planText(config: PlatformConfig, plan: PlatformPlan, format: Format): string {
  switch (format) {
    case "csv":
      return csvText(plan);
    case "json":
      return jsonText(plan);
    case "html":
      return htmlText(config, plan);
    case "markdown":
      return [
        `# ${title(config, plan)}`,
        explain(plan, plan.capacity).join("\n"),
        ...sections(plan).map((section) => `## ${section.title}\n\n${markdownTable(section.head, section.rows)}`),
        `## DNS zone\n\n\`\`\`\n${renderZoneFile(config.domain, plan.dns)}\`\`\``,
        "",
      ].join("\n\n");
    case "table":
      return [
        title(config, plan),
        explain(plan, plan.capacity).join("\n"),
        ...sections(plan).map((section) => `${section.title}\n\n${table(section.head, section.rows)}`),
        renderZoneFile(config.domain, plan.dns),
      ].join("\n\n");
  }
}
