/// A first-in-first-out queue with access to all elements by their distance from the oldest one.
struct FIFO<Element: Sendable>: Sendable {
  private var slots: [Element?] = []
  private var head = 0

  /// Creates an empty queue.
  init() {}

  /// The number of elements.
  var count: Int { slots.count - head }

  /// Adds an element at the end.
  mutating func append(_ element: Element) {
    slots.append(element)
  }

  /// Removes the oldest element. Its memory is reused once half of the storage is free.
  mutating func popFirst() -> Element? {
    guard head < slots.count else { return nil }
    let element = slots[head].take()
    head += 1
    if head >= 32, head * 2 >= slots.count {
      slots.removeFirst(head)
      head = 0
    }
    return element
  }

  /// Changes an element in place.
  /// - Parameter index: its distance from the oldest one.
  mutating func update<Result>(_ index: Int, _ change: (inout Element) -> Result) -> Result {
    guard var element = slots[head + index].take() else { preconditionFailure("a slot in use holds an element") }
    defer { slots[head + index] = element }
    return change(&element)
  }

  /// Changes every element in place, oldest first.
  mutating func forEach(_ change: (Int, inout Element) -> Void) {
    for index in 0..<count { update(index) { change(index, &$0) } }
  }

  /// Removes the elements for which `isKept` returns false, oldest first; it may also change them.
  mutating func filter(_ isKept: (Int, inout Element) -> Bool) {
    var kept: [Element?] = []
    kept.reserveCapacity(count)
    for (index, slot) in slots[head...].enumerated() {
      guard var element = slot, isKept(index, &element) else { continue }
      kept.append(element)
    }
    slots = kept
    head = 0
  }
}
