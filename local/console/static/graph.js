// The state machine, drawn where the server says each state and each edge is.

import { duration, kind, svg, symbol, word } from "./dom.js";

const MARGIN = 12;
const RADIUS = 9;

/**
 * @param graph   states with x, y, width, height; edges with points
 * @param state   gives of a name {status, line} or nothing where it wasn't reached
 * @param edge    gives of source and target how often it was taken
 * @param choose  is called with the name of a state; without it nothing can be chosen
 */
export function draw(graph, { state, edge, chosen, choose, label }) {
  const taken = (each) => edge(each.source, each.target);
  // What was taken lies over what was not.
  const edges = [...graph.edges].sort((one, other) => Boolean(taken(one)) - Boolean(taken(other)));
  const groups = graph.states.filter((each) => each.group);
  const nodes = graph.states.filter((each) => !each.group);
  const start = graph.states.find((each) => each.name === graph.start);
  return svg("svg", {
    class: "graph", role: "group", "aria-label": label,
    viewBox: `${-MARGIN} ${-MARGIN - 16} ${graph.width + 2 * MARGIN} ${graph.height + 2 * MARGIN + 16}`,
  },
  svg("defs", {}, marker("arrow", "tip"), marker("arrow-taken", "tip taken")),
  groups.map((each) => group(each, state(each.name))),
  svg("circle", { class: "start", cx: start.x + start.width / 2, cy: start.y - 16, r: 5 }),
  svg("path", { class: "edge taken", d: `M${start.x + start.width / 2},${start.y - 11}V${start.y}` }),
  edges.map((each) => line(each, taken(each))),
  groups.map((each) => title(each, state(each.name), chosen === each.name, choose)),
  nodes.map((each) => node(each, state(each.name), chosen === each.name, choose)));
}

function marker(name, css) {
  return svg("marker", { id: name, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" },
    svg("path", { class: css, d: "M0,0.5L8,4L0,7.5z" }));
}

function line(edge, number) {
  const words = { next: "then", default: "otherwise", choice: "if", catch: "on" }[edge.kind];
  return svg("g", {},
    svg("path", {
      class: `edge ${edge.kind} ${number ? "taken" : ""}`, d: rounded(edge.points),
      "marker-end": `url(#${number ? "arrow-taken" : "arrow"})`,
    }),
    svg("title", {}, `${edge.source} → ${edge.target} (${words} ${edge.label})${number ? `: ${number} ×` : ""}`));
}

function rounded(points) {
  let path = `M${points[0]}`;
  for (let index = 1; index < points.length - 1; index += 1) {
    const [before, corner, after] = [points[index - 1], points[index], points[index + 1]];
    const near = (to) => {
      const length = Math.hypot(to[0] - corner[0], to[1] - corner[1]);
      const part = Math.min(RADIUS, length / 2) / (length || 1);
      return [corner[0] + (to[0] - corner[0]) * part, corner[1] + (to[1] - corner[1]) * part];
    };
    path += `L${near(before)}Q${corner} ${near(after)}`;
  }
  return `${path}L${points.at(-1)}`;
}

function described(each, what) {
  const told = what ? `${word(what.status)}${what.line ? `, ${what.line}` : ""}` : "not reached";
  return `${each.name}: ${told}`;
}

function interactive(each, what, chosen, choose) {
  if (!choose) return { role: "img", "aria-label": described(each, what) };
  const pressed = (event) => {
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose(each.name);
  };
  return {
    role: "button", tabindex: 0, "aria-label": described(each, what), "aria-pressed": String(chosen),
    "data-key": `state-${each.name}`, onclick: pressed, onkeydown: pressed,
  };
}

const css = (each, what, chosen) =>
  `${what ? kind(what.status) : "unreached"} ${what?.status === "running" ? "running" : ""} ${chosen ? "chosen" : ""} type-${each.type}`;

function group(each, what) {
  return svg("rect", { class: `group ${css(each, what, false)}`, x: each.x, y: each.y, width: each.width, height: each.height, rx: 12 });
}

function title(each, what, chosen, choose) {
  return svg("g", { class: `group-title ${css(each, what, chosen)}`, ...interactive(each, what, chosen, choose) },
    svg("rect", { class: "hit", x: each.x + 4, y: each.y + 4, width: each.width - 8, height: 24, rx: 8 }),
    svg("text", { x: each.x + 14, y: each.y + 20, class: "name" }, `${what ? symbol(what.status) : "○"} ${each.name}`),
    what?.line && svg("text", { x: each.x + each.width - 14, y: each.y + 20, class: "more", "text-anchor": "end" }, what.line));
}

function node(each, what, chosen, choose) {
  const middle = each.x + each.width / 2;
  const rows = [...each.lines, ...(what?.line ? [what.line] : [])];
  const first = each.y + each.height / 2 - (rows.length - 1) * 7.5 + 4;
  return svg("g", { class: `node ${css(each, what, chosen)}`, ...interactive(each, what, chosen, choose) },
    svg("title", {}, `${each.name} (${each.type})${each.comment ? `\n${each.comment}` : ""}`),
    svg("rect", { x: each.x, y: each.y, width: each.width, height: each.height, rx: each.type === "Choice" ? 30 : 10 }),
    each.ends && svg("rect", { class: "inner", x: each.x + 3, y: each.y + 3, width: each.width - 6, height: each.height - 6, rx: 7 }),
    what && svg("text", { class: "symbol", x: each.x + 11, y: each.y + 16, "text-anchor": "middle" }, symbol(what.status)),
    rows.map((row, index) => svg("text", {
      x: middle, y: first + index * 15, "text-anchor": "middle", class: index < each.lines.length ? "name" : "more",
    }, row)));
}

/** What is written below a state's name of one visit or several. */
export function visitLine(visits) {
  const last = visits.at(-1);
  const retries = visits.reduce((sum, visit) => sum + Math.max(visit.attempts.length - 1, 0), 0);
  const parts = [last.exited ? duration(last.exited - last.entered) : ""];
  if (visits.length > 1) parts.push(`${visits.length} visits`);
  if (retries) parts.push(retries === 1 ? "1 retry" : `${retries} retries`);
  return parts.filter(Boolean).join(" · ");
}
