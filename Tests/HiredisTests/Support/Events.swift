/// Things that happen, in order, for a test to wait for.
final class Events<Element: Sendable>: Sendable {
  private let stream: AsyncStream<Element>
  private let continuation: AsyncStream<Element>.Continuation

  init() {
    (stream, continuation) = AsyncStream.makeStream()
  }

  func record(_ element: Element) {
    continuation.yield(element)
  }

  /// Waits for the next one that matches, and skips those before it.
  @discardableResult
  func next(where matches: (Element) -> Bool = { _ in true }) async -> Element? {
    for await element in stream where matches(element) { return element }
    return nil
  }

  /// Waits for so many.
  func next(_ count: Int) async -> [Element] {
    var elements: [Element] = []
    for _ in 0..<count {
      if let element = await next() { elements.append(element) }
    }
    return elements
  }
}
