/// Does the same with many things, so many at a time that a connection is kept busy.
/// - Returns: what came of each, in their order.
public func concurrently<Item: Sendable, Result: Sendable>(
  _ items: [Item], width: Int = 64, _ body: @escaping @Sendable (Item) async throws -> Result
) async throws -> [Result] {
  try await withThrowingTaskGroup(of: (Int, Result).self) { group in
    var results = [Result?](repeating: nil, count: items.count)
    for (index, item) in items.enumerated() {
      if index >= width, let (done, result) = try await group.next() { results[done] = result }
      group.addTask { (index, try await body(item)) }
    }
    for try await (done, result) in group { results[done] = result }
    return results.compactMap { $0 }
  }
}
