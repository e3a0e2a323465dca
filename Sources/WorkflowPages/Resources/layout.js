// A layered drawing of a graph of steps (Sugiyama's method): layers by longest paths, few crossings by barycentres,
// coordinates near the neighbours. All work is on arrays of numbers, so that a thousand steps take milliseconds.

const SWEEPS = 6;
const SHIFTS = 4;

/** Where nodes and edges are drawn.
 *  @param nodes [{id, needs: [id]}]; needs that are not there, and those that close a cycle, are left out.
 *  @param size {width, height} of a node, {gapX, gapY} between nodes.
 *  @returns {width, height, nodes: [{id, x, y}], edges: [{from, to, points: [[x, y]]}]} */
export function layout(nodes, size = { width: 168, height: 36, gapX: 56, gapY: 14 }) {
  const edges = edgesOf(nodes);
  const layerOf = layersOf(nodes.length, edges);
  const graph = withBends(nodes.length, edges, layerOf);
  const layers = initialOrder(graph);
  untangle(graph, layers);
  const y = place(graph, layers, nodes.length, size);
  return drawing(nodes, edges, graph, y, size);
}

/** The edges as pairs of positions, without repetitions. */
function edgesOf(nodes) {
  const position = new Map(nodes.map((node, index) => [node.id, index]));
  const edges = [];
  nodes.forEach((node, to) => {
    for (const need of new Set(node.needs)) {
      const from = position.get(need);
      if (from !== undefined && from !== to) edges.push([from, to]);
    }
  });
  return edges;
}

/** The layer of each node: one more than that of the last one that it needs. */
function layersOf(count, edges) {
  const layer = new Int32Array(count);
  const open = new Int32Array(count);
  const next = Array.from({ length: count }, () => []);
  for (const [from, to] of edges) {
    next[from].push(to);
    open[to] += 1;
  }
  const ready = [];
  for (let node = 0; node < count; node += 1) if (open[node] === 0) ready.push(node);
  for (let index = 0; index < ready.length; index += 1) {
    const node = ready[index];
    for (const to of next[node]) {
      layer[to] = Math.max(layer[to], layer[node] + 1);
      open[to] -= 1;
      if (open[to] === 0) ready.push(to);
    }
  }
  return layer;
}

/** The graph with a bend in each layer that an edge passes. Very many bends are left out: such edges run straight. */
function withBends(count, edges, layerOf) {
  const layer = Array.from(layerOf);
  const span = edges.reduce((sum, [from, to]) => sum + Math.max(0, layerOf[to] - layerOf[from] - 1), 0);
  const bends = span <= 4 * count + 1000;
  const links = [];
  const routes = edges.map(([from, to]) => {
    const route = [from];
    if (bends) {
      for (let at = layerOf[from] + 1; at < layerOf[to]; at += 1) {
        route.push(layer.length);
        layer.push(at);
      }
    }
    route.push(to);
    for (let index = 1; index < route.length; index += 1) links.push([route[index - 1], route[index]]);
    return route;
  });
  const before = Array.from({ length: layer.length }, () => []);
  const after = Array.from({ length: layer.length }, () => []);
  for (const [from, to] of links) {
    after[from].push(to);
    before[to].push(from);
  }
  return { layer, before, after, routes };
}

/** The nodes of each layer, those that belong together beside each other: in the order of a walk along the edges. */
function initialOrder({ layer, after, before }) {
  const layers = [];
  const seen = new Uint8Array(layer.length);
  const walk = (start) => {
    const stack = [start];
    while (stack.length > 0) {
      const node = stack.pop();
      if (seen[node]) continue;
      seen[node] = 1;
      (layers[layer[node]] ??= []).push(node);
      for (let index = after[node].length - 1; index >= 0; index -= 1) stack.push(after[node][index]);
    }
  };
  for (let node = 0; node < layer.length; node += 1) if (before[node].length === 0) walk(node);
  // Of a cycle, which no run has.
  for (let node = 0; node < layer.length; node += 1) if (!seen[node]) walk(node);
  for (let index = 0; index < layers.length; index += 1) layers[index] ??= [];
  return layers;
}

/** Sorts each layer by the mean place of the neighbours in the layer before, and after, in turns; keeps the best order. */
function untangle(graph, layers) {
  const place = new Float64Array(graph.layer.length);
  const number = (row) => row.forEach((node, index) => { place[node] = index; });
  layers.forEach(number);
  let best = layers.map((row) => row.slice());
  let fewest = crossings(graph, layers, place);
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep += 1) {
    const forwards = sweep % 2 === 0;
    const neighbours = forwards ? graph.before : graph.after;
    for (let step = 1; step < layers.length; step += 1) {
      const row = layers[forwards ? step : layers.length - 1 - step];
      const wish = new Map(row.map((node) => [node, mean(neighbours[node], place) ?? place[node]]));
      row.sort((one, other) => wish.get(one) - wish.get(other) || place[one] - place[other]);
      number(row);
    }
    const count = crossings(graph, layers, place);
    if (count < fewest) {
      fewest = count;
      best = layers.map((row) => row.slice());
    }
  }
  best.forEach((row, index) => { layers[index] = row; });
}

function mean(nodes, place) {
  if (nodes.length === 0) return undefined;
  let sum = 0;
  for (const node of nodes) sum += place[node];
  return sum / nodes.length;
}

/** How many pairs of links cross: inversions of the ends, counted by a tree of sums (Barth, Mutzel, Jünger). */
function crossings({ after, layer }, layers, place) {
  let count = 0;
  for (let at = 0; at + 1 < layers.length; at += 1) {
    const width = layers[at + 1].length;
    const sums = new Int32Array(width + 1);
    let links = 0;
    for (const node of layers[at]) {
      const ends = after[node].filter((to) => layer[to] === at + 1).map((to) => place[to]);
      for (const end of ends) {
        let before = 0;
        for (let index = end + 1; index > 0; index -= index & -index) before += sums[index];
        count += links - before;
      }
      for (const end of ends) {
        for (let index = end + 1; index <= width; index += index & -index) sums[index] += 1;
        links += 1;
      }
    }
  }
  return count;
}

/** The height at which each node lies: near the mean of its neighbours, in its order, without overlaps. */
function place(graph, layers, real, size) {
  const room = new Float64Array(graph.layer.length);
  for (let node = 0; node < room.length; node += 1) room[node] = node < real ? size.height + size.gapY : size.gapY;
  const y = new Float64Array(graph.layer.length);
  const tallest = Math.max(0, ...layers.map((row) => row.reduce((sum, node) => sum + room[node], 0)));
  for (const row of layers) {
    let top = (tallest - row.reduce((sum, node) => sum + room[node], 0)) / 2;
    for (const node of row) {
      y[node] = top + room[node] / 2;
      top += room[node];
    }
  }
  for (let shift = 0; shift < SHIFTS; shift += 1) {
    const neighbours = shift % 2 === 0 ? graph.before : graph.after;
    for (const row of shift % 2 === 0 ? layers : layers.slice().reverse()) settle(row, neighbours, room, y);
  }
  return y;
}

/** Moves the nodes of a layer to their neighbours: the mean of the lowest and of the highest places that keep the order. */
function settle(row, neighbours, room, y) {
  const wish = row.map((node) => mean(neighbours[node], y) ?? y[node]);
  const down = new Float64Array(row.length);
  const up = new Float64Array(row.length);
  for (let index = 0; index < row.length; index += 1) {
    const least = index === 0 ? -Infinity : down[index - 1] + (room[row[index - 1]] + room[row[index]]) / 2;
    down[index] = Math.max(wish[index], least);
  }
  for (let index = row.length - 1; index >= 0; index -= 1) {
    const most = index === row.length - 1 ? Infinity : up[index + 1] - (room[row[index + 1]] + room[row[index]]) / 2;
    up[index] = Math.min(wish[index], most);
  }
  row.forEach((node, index) => { y[node] = (down[index] + up[index]) / 2; });
}

/** The places in pixels, the smallest of them zero. */
function drawing(nodes, edges, { layer, routes }, y, size) {
  let [top, bottom, last] = [Infinity, -Infinity, 0];
  for (let node = 0; node < y.length; node += 1) {
    top = Math.min(top, y[node]);
    bottom = Math.max(bottom, y[node]);
    last = Math.max(last, layer[node]);
  }
  if (nodes.length === 0) [top, bottom] = [0, 0];
  const left = (node) => layer[node] * (size.width + size.gapX);
  const middle = (node) => y[node] - top + size.height / 2;
  return {
    width: last * (size.width + size.gapX) + size.width,
    height: bottom - top + size.height,
    nodes: nodes.map((node, index) => ({ id: node.id, x: left(index), y: middle(index) - size.height / 2 })),
    edges: edges.map(([from, to], index) => ({
      from: nodes[from].id,
      to: nodes[to].id,
      points: routes[index].flatMap((node) => {
        if (node === from) return [[left(node) + size.width, middle(node)]];
        if (node === to) return [[left(node), middle(node)]];
        return [[left(node), middle(node)], [left(node) + size.width, middle(node)]];
      }),
    })),
  };
}
