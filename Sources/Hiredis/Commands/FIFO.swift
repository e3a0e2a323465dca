/// A first-in-first-out queue whose elements keep their places while they wait.
struct FIFO<Element: Sendable>: Sendable {
  private var slots: [Element?] = []
  private var head = 0

  /// An empty queue.
  init() {}

  /// How many elements wait.
  var count: Int { slots.count - head }

  /// Adds an element at the end.
  mutating func append(_ element: Element) {
    slots.append(element)
  }

  /// Removes the oldest element.
  ///
  /// Places that became free are reused once they are as many as those in use.
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

  /// Changes the element at a distance from the oldest one, which is at 0.
  mutating func update<Result>(_ index: Int, _ change: (inout Element) -> Result) -> Result {
    guard var element = slots[head + index].take() else { preconditionFailure("a place in use holds an element") }
    defer { slots[head + index] = element }
    return change(&element)
  }

  /// Lets `change` change every element, given its distance from the oldest one.
  mutating func forEach(_ change: (Int, inout Element) -> Void) {
    for index in 0..<count { update(index) { change(index, &$0) } }
  }

  /// Hands every element and its distance from the oldest one to `isKept`, which may change it, and drops those for
  /// which it says false.
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
