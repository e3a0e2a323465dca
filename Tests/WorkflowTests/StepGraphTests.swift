import Testing
import Workflow

@Suite(.timeLimit(.minutes(5))) struct StepGraphTests {
  /// The ids along each cycle.
  private func ways(_ graph: StepGraph, limit: Int = 10) -> [String] {
    graph.cycles(limit: limit).map { way in way.map { graph.ids[$0] }.joined(separator: " -> ") }
  }

  @Test func `A graph knows who waits for whom in both directions`() {
    let graph = StepGraph("a", "b: a", "c: a b gone")
    #expect(graph.dependencies == [[], [0], [0, 1]])
    #expect(graph.dependents == [[1, 2], [2], []])
  }

  @Test func `Of two equal ids the first is the one that is waited for`() {
    #expect(StepGraph("a", "a: b", "b: a").dependencies == [[], [2], [0]])
  }

  @Test func `The order puts every step after those it waits for, and else keeps what was written`() {
    #expect(StepGraph("a", "b", "c").topologicalOrder == [0, 1, 2])
    #expect(StepGraph("c: b", "b: a", "a").topologicalOrder == [2, 1, 0])
    #expect(StepGraph("d: b c", "b: a", "c: a", "a", "e").topologicalOrder == [3, 4, 1, 2, 0])
  }

  @Test func `A large tangled graph has an order that respects every edge`() throws {
    let graph = StepGraph(count: 2_000) { step in Set([1, 2, 3].map { step / ($0 + 1) }).filter { $0 < step }.sorted() }
    let order = try #require(graph.topologicalOrder)
    var place = [Int](repeating: 0, count: order.count)
    for (index, step) in order.enumerated() { place[step] = index }
    #expect(order.sorted() == Array(0..<2_000))
    for (step, needed) in graph.dependencies.enumerated() {
      #expect(needed.allSatisfy { place[$0] < place[step] })
    }
    #expect(graph.cycles().isEmpty)
  }

  @Test func `A graph without a cycle has none to name`() {
    #expect(ways(StepGraph("a: b c", "b: d", "c: d", "d")).isEmpty)
    #expect(ways(StepGraph([(id: String, dependencies: [Need])]())).isEmpty)
  }

  @Test func `A cycle is named by its path`() {
    #expect(ways(StepGraph("a: a")) == ["a -> a"])
    #expect(ways(StepGraph("a: b", "b: a")) == ["a -> b -> a"])
    #expect(ways(StepGraph("in: a", "a: b", "b: c", "c: a", "out")) == ["a -> b -> c -> a"])
    #expect(StepGraph("a: b", "b: a", "c").topologicalOrder == nil)
  }

  @Test func `Several cycles are each named`() {
    let graph = StepGraph("a: a", "b: c", "c: b", "d: e", "e: d a", "f: f b")
    #expect(ways(graph) == ["a -> a", "b -> c -> b", "d -> e -> d", "f -> f"])
    #expect(ways(StepGraph("hub: x y", "x: hub", "y: hub")) == ["hub -> x -> hub", "hub -> y -> hub"])
  }

  @Test func `No more cycles are named than the limit`() {
    let loops = StepGraph(count: 50) { [$0] }
    #expect(loops.cycles().count == 10)
    #expect(loops.cycles(limit: 3) == [[0, 0], [1, 1], [2, 2]])
  }

  @Test func `A ring of many thousand steps is one cycle, found without recursion`() {
    let count = 100_000
    let ring = StepGraph(count: count) { [($0 + 1) % count] }
    #expect(ring.topologicalOrder == nil)
    #expect(ring.cycles() == [Array(0..<count) + [0]])
  }
}
